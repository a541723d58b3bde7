// GIF with one palette for the whole video, so that still areas do not flicker. The frames are therefore held
// in memory until finish(). Plays for ever. Delays are whole hundredths of a second, placed so that the error
// never adds up. The format has no tags: metadata is dropped.
#include "pipeline/media/libav/gif_writer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cstring>
#include <memory>
#include <vector>

#include "pipeline/media/frame_writer.h"
#include "pipeline/media/libav/muxer.h"
#include "pipeline/media/pictures/palette.h"

namespace reel::media {
namespace {

class GifWriter final : public FrameWriter {
 public:
  explicit GifWriter(const OutputPlan& plan) : FrameWriter(plan.path), muxer_(plan) {}

 private:
  void add(const at::Tensor& frame) override {
    builder_.add(frame.const_data_ptr<uint8_t>(), height() * width());
    frames_.push_back(frame.clone());  // the caller may write the next frame into the same tensor
  }

  void close() override {
    muxer_.open(height(), width(), AV_PIX_FMT_PAL8);
    PaletteMapper mapper(builder_.build());
    for (at::Tensor& pixels : frames_) {
      FramePtr frame = make_frame(mapper.palette());
      mapper.map(pixels.const_data_ptr<uint8_t>(), height(), width(), frame->data[0], frame->linesize[0]);
      muxer_.send(*frame);
      pixels.reset();
    }
    muxer_.finish();
  }

  // A fresh frame each time: the encoder keeps the last one to compare with.
  FramePtr make_frame(const Palette& palette) const {
    FramePtr frame(require_memory(av_frame_alloc()));
    frame->format = AV_PIX_FMT_PAL8;
    frame->height = static_cast<int>(height());
    frame->width = static_cast<int>(width());
    if (av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
    std::memset(frame->data[1], 0, AVPALETTE_SIZE);
    for (size_t i = 0; i < AVPALETTE_COUNT; ++i) {
      // Unused entries repeat the last colour: a transparent one would change how the encoder crops.
      const Colour& colour = palette.colours[std::min(i, palette.colours.size() - 1)];
      const uint32_t argb = 0xff000000u | static_cast<uint32_t>(colour[0]) << 16 |
                            static_cast<uint32_t>(colour[1]) << 8 | colour[2];
      std::memcpy(frame->data[1] + 4 * i, &argb, sizeof(argb));
    }
    return frame;
  }

  Muxer muxer_;
  PaletteBuilder builder_;
  std::vector<at::Tensor> frames_;
};

}  // namespace

std::unique_ptr<VideoWriter> make_gif_writer(const OutputPlan& plan) {
  return std::make_unique<GifWriter>(plan);
}

}  // namespace reel::media
