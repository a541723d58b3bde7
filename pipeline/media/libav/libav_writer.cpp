#include "pipeline/media/libav/libav_writer.h"

#include <memory>
#include <optional>

#include "pipeline/media/frame_writer.h"
#include "pipeline/media/libav/colour_convert.h"
#include "pipeline/media/libav/muxer.h"

namespace reel::media {
namespace {

class LibavWriter final : public FrameWriter {
 public:
  explicit LibavWriter(const OutputPlan& plan) : FrameWriter(plan.path), muxer_(plan) {}

 private:
  void add(const at::Tensor& frame) override {
    if (!converter_) {
      converter_.emplace(height(), width());
      muxer_.open(converter_->padded_height(), converter_->padded_width(), AV_PIX_FMT_YUV420P);
    }
    muxer_.send(converter_->convert(frame));
  }
  void close() override { muxer_.finish(); }

  Muxer muxer_;
  std::optional<ToYuv420> converter_;
};

}  // namespace

std::unique_ptr<VideoWriter> make_libav_writer(const OutputPlan& plan) {
  return std::make_unique<LibavWriter>(plan);
}

}  // namespace reel::media
