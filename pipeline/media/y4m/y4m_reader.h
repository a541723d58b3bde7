// Reads YUV4MPEG2, the uncompressed format that needs no library.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/media/video_reader.h"

namespace reel::media {

/// Reads 8-bit C420*, C422, C444 and Cmono, limited range unless XCOLORRANGE=FULL, BT.601. Chroma is
/// repeated, not interpolated. Frames behind the first `most_frames` are left alone, as if they were not there.
/// Throws: std::runtime_error "[path] ..." if the file is damaged or of another kind.
std::unique_ptr<VideoReader> open_y4m(const std::string& path, int64_t most_frames = INT64_MAX);

}  // namespace reel::media
