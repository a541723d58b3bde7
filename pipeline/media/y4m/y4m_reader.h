// Reads YUV4MPEG2, the uncompressed format that needs no library.
#pragma once

#include <memory>
#include <string>

#include "pipeline/media/video_reader.h"

namespace reel::media {

/// Reads 8-bit C420*, C422, C444 and Cmono, limited range unless XCOLORRANGE=FULL, BT.601. Chroma is
/// repeated, not interpolated. Throws: std::runtime_error "[path] ..." if the file is damaged or of another
/// kind.
std::unique_ptr<VideoReader> open_y4m(const std::string& path);

}  // namespace reel::media
