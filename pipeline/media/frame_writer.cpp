#include "pipeline/media/frame_writer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <stdexcept>

namespace reel::media {

void FrameWriter::require_open() const {
  if (state_ == State::kOpen) return;
  throw std::invalid_argument(c10::str("[", path_, "] takes no more calls, got one after ",
                                       state_ == State::kFinished ? "finish()" : "an error",
                                       "; make a new writer"));
}

void FrameWriter::write(const at::Tensor& frame) {
  require_open();
  if (!frame.defined() || frame.dim() != 3 || frame.size(2) != 3 || frame.scalar_type() != at::kByte ||
      !frame.is_cpu() || frame.numel() == 0) {
    throw std::invalid_argument(c10::str(
        "[", path_, "] a frame must be uint8 [H, W, 3] on the CPU, got ",
        frame.defined() ? c10::str(frame.toString(), " ", frame.sizes()) : std::string("an undefined tensor"),
        "; convert with .mul(255).round().clamp(0, 255).to(at::kByte).cpu()"));
  }
  if (count_ == 0) height_ = frame.size(0), width_ = frame.size(1);
  if (frame.size(0) != height_ || frame.size(1) != width_) {
    throw std::invalid_argument(c10::str("[", path_, "] all frames must have the size of the first, ", width_,
                                         "x", height_, ", got ", frame.size(1), "x", frame.size(0),
                                         " at frame ", count_, "; resize before writing"));
  }
  state_ = State::kFailed;
  add(frame.contiguous());
  state_ = State::kOpen;
  ++count_;
}

void FrameWriter::finish() {
  require_open();
  if (count_ == 0) {
    throw std::invalid_argument("[" + path_ +
                                "] needs at least one frame, got none; write() before finish()");
  }
  state_ = State::kFailed;
  close();
  state_ = State::kFinished;
}

}  // namespace reel::media
