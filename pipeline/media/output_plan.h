// Decides from a path and its options what is written, without touching the disk.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/files/part_file.h"
#include "pipeline/media/frame_rate.h"
#include "pipeline/media/video_writer.h"

namespace reel::media {

/// The names of a numbered picture sequence: the text before the number, the text after it, and the fewest
/// digits of the number.
struct PicturePattern {
  std::string before, after;
  int digits = 0;

  /// Reads `frame_%05d.png` (a file name, without its folder); nullopt if there is no % in it.
  /// Throws: std::invalid_argument "[path] ..." unless there is exactly one %d or %0Nd.
  static std::optional<PicturePattern> parse(const std::string& path, const std::string& name);
  std::string name(int64_t number) const;
  bool matches(const std::string& name) const;
};

/// The pattern of a path that names pictures; nullopt for one picture, and for other formats.
/// Throws: as PicturePattern::parse.
std::optional<PicturePattern> pattern_of(const std::string& path);

/// Whether the format of a path stores tags, such as recipes.
/// Throws: std::invalid_argument for an unknown extension.
bool carries_tags(const std::string& path);

struct OutputPlan {
  std::string path;
  std::string container;  // mp4, webm, gif, y4m or png
  std::string codec;      // FFmpeg's name: h264, hevc, vp9, av1, gif, rawvideo or png
  int crf = -1;           // filled in for codecs that have one
  FrameRate rate;
  std::optional<PicturePattern> pattern;  // png only; empty: a single picture
  std::map<std::string, std::string> metadata;
  bool overwrite = false;
  models::BeforeNaming before_naming;
};

/// Throws: std::invalid_argument for an unknown extension or codec (names the nearest legal one), a codec
/// that the container does not take, an option out of range, or a tag name that the container cannot hold;
/// std::runtime_error if this build cannot write that codec.
OutputPlan plan_output(const std::string& path, const WriteOptions& options);

}  // namespace reel::media
