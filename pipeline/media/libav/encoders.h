// Which of FFmpeg's encoders write a codec, and the settings that make them good, quiet and repeatable.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace reel::media {

struct Encoder {
  std::string codec;                                         // h264, hevc, vp9, av1 or gif
  std::string name;                                          // FFmpeg's: libx264, ...
  std::vector<std::pair<std::string, std::string>> options;  // beside crf
};

/// The encoder of the running FFmpeg for that codec; nullptr if it has none of those we know.
const Encoder* find_encoder(const std::string& codec);

/// True if this build and the libraries that it runs with can write that codec (FFmpeg's name, or `png`).
bool can_encode(const std::string& codec);

}  // namespace reel::media
