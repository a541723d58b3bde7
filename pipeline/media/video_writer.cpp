#include "pipeline/media/video_writer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <stdexcept>

#include "pipeline/media/libav/gif_writer.h"
#include "pipeline/media/libav/libav_writer.h"
#include "pipeline/media/output_plan.h"
#include "pipeline/media/output_target.h"
#include "pipeline/media/pictures/png_writer.h"
#include "pipeline/media/y4m/y4m_writer.h"

namespace reel::media {

std::unique_ptr<VideoWriter> VideoWriter::create(const std::string& path, const WriteOptions& options) {
  const OutputPlan plan = plan_output(path, options);
  if (plan.container == "y4m") return make_y4m_writer(plan);
  if (plan.container == "gif") return make_gif_writer(plan);
  if (plan.container == "png") return make_png_writer(plan);
  return make_libav_writer(plan);
}

void check_output(const std::string& path, const WriteOptions& options) {
  check_targets(plan_output(path, options));
}

void write_video(const std::string& path, const Frames& frames, const WriteOptions& options,
                 const std::function<void(int64_t, int64_t)>& progress) {
  if (!frames.pixels.defined() || frames.pixels.dim() != 4) {
    throw std::invalid_argument(c10::str(
        "[", path, "] frames must be uint8 [F, H, W, 3], got ",
        frames.pixels.defined() ? c10::str(frames.pixels.sizes()) : std::string("an undefined tensor"),
        "; stack them along a first dimension"));
  }
  WriteOptions complete = options;
  complete.frames = frames.pixels.size(0);
  const std::unique_ptr<VideoWriter> writer = VideoWriter::create(path, complete);
  for (int64_t i = 0; i < frames.pixels.size(0); ++i) {
    writer->write(frames.pixels[i]);
    if (progress) progress(i + 1, frames.pixels.size(0));
  }
  writer->finish();
}

}  // namespace reel::media
