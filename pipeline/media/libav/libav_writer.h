// Writes .mp4 and .webm by FFmpeg.
#pragma once

#include <memory>

#include "pipeline/media/output_plan.h"
#include "pipeline/media/video_writer.h"

namespace reel::media {

/// `plan.container` is mp4 or webm.
std::unique_ptr<VideoWriter> make_libav_writer(const OutputPlan& plan);

}  // namespace reel::media
