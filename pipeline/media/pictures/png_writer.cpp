// Pictures, numbered from 1 by a pattern, or one alone. Each carries the metadata as text chunks.
#include "pipeline/media/pictures/png_writer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <filesystem>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <optional>
#include <stdexcept>
#include <vector>

#include "models/files/input/input_file.h"
#include "models/files/output/part_folder.h"
#include "models/files/part_file.h"
#include "pipeline/media/frame_writer.h"
#include "pipeline/media/output_target.h"
#include "pipeline/media/pictures/picture_file.h"
#include "pipeline/media/pictures/png_file.h"

namespace reel::media {
namespace {

std::string encode(const std::string& path, const at::Tensor& frame) {
  const at::Tensor bgr = frame.flip({2}).contiguous();  // OpenCV's order
  const cv::Mat picture(static_cast<int>(bgr.size(0)), static_cast<int>(bgr.size(1)), CV_8UC3,
                        bgr.mutable_data_ptr<uint8_t>());
  std::vector<uint8_t> bytes;
  if (!cv::imencode(".png", picture, bytes, {cv::IMWRITE_PNG_COMPRESSION, 6})) {
    throw std::runtime_error("[" + path + "] encoding as PNG failed; try another size or file type");
  }
  return {bytes.begin(), bytes.end()};
}

/// Whether the picture says that reel made it: its recipe does.
bool made_by_reel(const std::string& path) {
  try {
    const std::string bytes = models::read_input({.path = path, .most_bytes = uint64_t{1} << 30});
    return is_picture(bytes) && inspect_picture(path, bytes).text.count("reel_frames") > 0;
  } catch (const std::runtime_error&) {
    return false;
  }
}

class SequenceWriter final : public FrameWriter {
 public:
  explicit SequenceWriter(const OutputPlan& plan)
      : FrameWriter(plan.path),
        plan_(plan),
        folder_(plan.path, plan.overwrite, names_of(plan), made_by_reel) {
    check_targets(plan);
  }

 private:
  void add(const at::Tensor& frame) override {
    folder_.add(plan_.pattern->name(count() + 1), with_png_text(encode(plan_.path, frame), plan_.metadata));
  }
  void close() override { folder_.commit(plan_.before_naming); }

  OutputPlan plan_;
  models::PartFolder folder_;
};

class PictureWriter final : public FrameWriter {
 public:
  explicit PictureWriter(const OutputPlan& plan)
      : FrameWriter(plan.path), plan_(plan), file_(plan.path, plan.overwrite) {}

 private:
  void add(const at::Tensor& frame) override {
    if (count() > 0) {
      throw std::invalid_argument(
          "[" + plan_.path + "] is one picture, got a second frame; use a pattern such as frame_%05d.png");
    }
    const std::string png = with_png_text(encode(plan_.path, frame), plan_.metadata);
    file_.write(png.data(), png.size());
  }
  void close() override { file_.commit(plan_.before_naming); }

  OutputPlan plan_;
  models::PartFile file_;
};

}  // namespace

std::unique_ptr<VideoWriter> make_png_writer(const OutputPlan& plan) {
  if (plan.pattern) return std::make_unique<SequenceWriter>(plan);
  return std::make_unique<PictureWriter>(plan);
}

}  // namespace reel::media
