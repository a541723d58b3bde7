// Frames to write and tools to look at the files, for the tests of pipeline/media.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/media/video_reader.h"
#include "pipeline/media/video_writer.h"
#include "tests/support/temporary_folder.h"

namespace reel::media {

/// Slow waves of colour that drift: content as smooth as codecs are made for. uint8 [frames, height, width,
/// 3].
inline at::Tensor smooth_video(int64_t frames, int64_t height, int64_t width) {
  const at::Tensor f = at::arange(frames, at::kDouble).view({-1, 1, 1, 1});
  const at::Tensor y = at::arange(height, at::kDouble).view({1, -1, 1, 1}) / 32;
  const at::Tensor x = at::arange(width, at::kDouble).view({1, 1, -1, 1}) / 32;
  const at::Tensor channel = at::arange(3, at::kDouble).view({1, 1, 1, 3});
  const at::Tensor wave = at::sin(2 * x + y * (1 + 0.5 * channel) + f * 0.2 + channel * 2);
  return (wave * 100 + 128).round().to(at::kByte);
}

inline double mean_error(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().mean().item<double>();
}
inline double largest_error(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

inline bool has_codecs() { return output_formats().count("mp4") > 0; }
#define REEL_NEEDS_CODECS() \
  if (!has_codecs()) GTEST_SKIP() << "built without FFmpeg and OpenCV"

/// FFmpeg's programs, the second opinion of these tests.
inline bool has_tools() {
  static const bool found = system("command -v ffmpeg ffprobe >/dev/null 2>&1") == 0;
  return found;
}
#define REEL_NEEDS_TOOLS() \
  if (!has_tools()) GTEST_SKIP() << "needs the programs ffmpeg and ffprobe"

/// A literal with NUL bytes in it.
template <size_t Size>
std::string bytes(const char (&literal)[Size]) {
  return {literal, Size - 1};
}

/// What the command prints on stdout. Fails the test if it does not succeed.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run " + command);
  char buffer[65536];
  for (size_t got; (got = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) text.append(buffer, got);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return text;
}

/// The text of the error that `action` throws; "" if it throws none of that type.
template <class Error = std::runtime_error, class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace reel::media
