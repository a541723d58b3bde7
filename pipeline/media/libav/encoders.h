// Which of FFmpeg's encoders write a codec, and the settings that make them good, quiet and repeatable.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/media/output_plan.h"

namespace reel::media {

struct Encoder {
  std::string codec;                                         // h264, hevc, vp9, av1 or gif
  std::string name;                                          // FFmpeg's: libx264, ...
  std::vector<std::pair<std::string, std::string>> options;  // beside crf
};

/// The encoder of the running FFmpeg for that codec; nullptr if it has none of those we know.
const Encoder* find_encoder(const std::string& codec);

}  // namespace reel::media
