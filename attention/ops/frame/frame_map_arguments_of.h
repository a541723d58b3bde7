// From tensors to the arguments of kernels along frames.
#pragma once

#include <ATen/core/Tensor.h>

#include "attention/ops/frame/frame_map_arguments.h"
#include "attention/ops/frame/frame_map_edit.h"

namespace reel::attention {

inline FrameTensor frame_tensor_of(const at::Tensor& t, const void* data) {
  return {data, t.stride(0), t.size(1) == 1 ? 0 : t.stride(1), t.stride(2), t.stride(3)};
}

inline FrameMapArguments frame_map_arguments_of(const FrameMapEdit& edit) {
  FrameMapArguments arguments;
  const auto floats = [](const at::Tensor& t) { return t.defined() ? t.const_data_ptr<float>() : nullptr; };
  arguments.band = floats(edit.band), arguments.gain = floats(edit.gain), arguments.high = floats(edit.high);
  if (!edit.anchor.defined()) return arguments;
  arguments.anchor = frame_tensor_of(edit.anchor, edit.anchor.const_data_ptr());
  arguments.half_anchor = edit.anchor.scalar_type() == at::kHalf;
  arguments.places = edit.places.const_data_ptr<int>(), arguments.weights = floats(edit.weights);
  arguments.neighbours = static_cast<int>(edit.places.size(1));
  arguments.alpha = static_cast<float>(edit.alpha);
  return arguments;
}

}  // namespace reel::attention
