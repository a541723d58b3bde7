// Writes YUV4MPEG2, the uncompressed format that needs no library.
#pragma once

#include <memory>

#include "pipeline/media/output_plan.h"
#include "pipeline/media/video_writer.h"

namespace reel::media {

/// Writes `C444 XCOLORRANGE=FULL`: 8 bits, no subsampling, the full-range BT.601 matrix (that of JPEG/JFIF),
/// so that a pixel comes back within 1 of what it was. FFmpeg and mpv read the range; the format has no tags.
std::unique_ptr<VideoWriter> make_y4m_writer(const OutputPlan& plan);

}  // namespace reel::media
