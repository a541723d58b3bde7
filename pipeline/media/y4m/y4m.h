// YUV4MPEG2, the uncompressed format that needs no library: written and read by our own code in every build.
#pragma once

#include <memory>
#include <string>

#include "pipeline/media/output_plan.h"
#include "pipeline/media/video_reader.h"

namespace reel::media {

/// Writes `C444 XCOLORRANGE=FULL`: 8 bits, no subsampling, the full-range BT.601 matrix (that of JPEG/JFIF),
/// so that a pixel comes back within 1 of what it was. FFmpeg and mpv read the range; the format has no tags.
std::unique_ptr<VideoWriter> make_y4m_writer(const OutputPlan& plan);

/// Reads 8-bit C420*, C422, C444 and Cmono, limited range unless XCOLORRANGE=FULL, BT.601. Chroma is
/// repeated, not interpolated. Throws: std::runtime_error "[path] ..." if the file is damaged or of another
/// kind.
std::unique_ptr<VideoReader> open_y4m(const std::string& path);

}  // namespace reel::media
