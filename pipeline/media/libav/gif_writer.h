// Writes .gif, encoded by FFmpeg, with one palette for the whole video.
#pragma once

#include <memory>

#include "pipeline/media/output_plan.h"
#include "pipeline/media/video_writer.h"

namespace reel::media {

/// The frames stay in memory until finish(), which chooses the palette from all of them.
std::unique_ptr<VideoWriter> make_gif_writer(const OutputPlan& plan);

}  // namespace reel::media
