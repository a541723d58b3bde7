// reel::frame_map_energy on CUDA devices.
#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "attention/ops/frame_map_arguments_of.h"
#include "attention/ops/frame_map_energy.h"
#include "attention/ops/frame_map_energy_kernel.h"
#include "attention/ops/kernel_type_of.h"

namespace reel::attention {
namespace {

std::tuple<at::Tensor, at::Tensor> frame_map_energy_cuda(const at::Tensor& q, const at::Tensor& k,
                                                         double scale, const FrameMapEdit::Packed& tensors,
                                                         double alpha, bool keep_maps) {
  const c10::cuda::CUDAGuard guard(q.device());
  const int64_t rows = q.size(0), groups = q.size(1), heads = q.size(2), f = q.size(3);
  const FrameMapEdit edit = FrameMapEdit::unpack(tensors, alpha);
  // Maps of half-precision runs need no more digits than their inputs have, and half the memory.
  const auto kept_type = q.scalar_type() == at::kFloat ? at::kFloat : at::kHalf;
  FrameMapEnergyArguments arguments{.q = frame_tensor_of(q, q.const_data_ptr()),
                                    .k = frame_tensor_of(k, k.const_data_ptr()),
                                    .rows = rows,
                                    .groups = groups,
                                    .heads = heads,
                                    .frames = f,
                                    .width = q.size(4),
                                    .scale = static_cast<float>(scale),
                                    .type = kernel_type_of(q),
                                    .edit = frame_map_arguments_of(edit)};
  if (!frame_map_energy_fits(arguments)) {
    const FrameMapEnergy energy = frame_map_energy_composed(q, k, scale, edit, keep_maps);
    return {at::stack({energy.before, energy.guided, energy.high}),
            keep_maps ? energy.maps.to(kept_type) : at::empty({0}, q.options())};
  }
  const at::Tensor maps =
      at::empty(keep_maps ? std::vector<int64_t>{rows, groups, heads, f, f} : std::vector<int64_t>{0},
                q.options().dtype(kept_type));
  at::Tensor sums =
      at::empty({rows, groups * frame_map_energy_parts(arguments), 3}, q.options().dtype(at::kFloat));
  arguments.sums = sums.mutable_data_ptr<float>();
  arguments.maps = keep_maps ? maps.mutable_data_ptr() : nullptr;
  arguments.half_maps = kept_type == at::kHalf;
  launch_frame_map_energy(arguments, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {sums.sum(1, /*keepdim=*/false, at::kDouble).t().div_(double(groups * heads * f)), maps};
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CUDA, library) { library.impl("frame_map_energy", frame_map_energy_cuda); }

}  // namespace reel::attention
