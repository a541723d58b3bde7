// Writes .png by OpenCV: one picture, or a numbered sequence.
#pragma once

#include <memory>

#include "pipeline/media/output_plan.h"
#include "pipeline/media/video_writer.h"

namespace reel::media {

/// A sequence if the plan has a pattern. Each picture carries the plan's metadata as text chunks.
std::unique_ptr<VideoWriter> make_png_writer(const OutputPlan& plan);

}  // namespace reel::media
