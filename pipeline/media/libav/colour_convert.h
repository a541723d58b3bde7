// Between RGB tensors and the pixel formats of codecs.
#pragma once

#include <ATen/core/Tensor.h>

#include "pipeline/media/libav/libav.h"

namespace reel::media {

/// RGB to yuv420p, BT.709, limited range, chroma sited left (H.264's default), as Muxer tags it.
class ToYuv420 {
 public:
  /// Sizes of the frames to come; odd ones are padded to the next even one.
  ToYuv420(int64_t height, int64_t width);
  /// rgb: uint8 [height, width, 3], contiguous. The result is valid until the next call.
  AVFrame& convert(const at::Tensor& rgb);
  int64_t padded_height() const { return source_->height; }
  int64_t padded_width() const { return source_->width; }

 private:
  int64_t height_, width_;
  FramePtr source_, target_;
  ScalerPtr scaler_;
};

/// Any decoded frame to RGB, by the matrix, range and chroma siting that it names; without names, BT.601 and
/// limited range, as FFmpeg does. Transparency is dropped.
class ToRgb {
 public:
  /// rgb: uint8 [H, W, 3] contiguous, filled. Throws: std::runtime_error if there is no way to convert.
  void convert(const AVFrame& frame, const at::Tensor& rgb);

 private:
  void prepare(const AVFrame& frame);

  ScalerPtr scaler_;
  FramePtr target_;
  // What scaler_ was made for.
  int width_ = 0, height_ = 0, format_ = -1, matrix_ = -1, range_ = -1, siting_ = -1;
};

}  // namespace reel::media
