// reel::frame_map_energy on CUDA devices.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "attention/ops/frame/frame_map_arguments_of.h"
#include "attention/ops/frame/frame_map_energy.h"
#include "attention/ops/frame/frame_map_energy_kernel.h"
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
  const int64_t parts = groups * frame_map_energy_parts(arguments);
  at::Tensor sums = at::empty({rows, parts, 3}, q.options().dtype(at::kFloat)),
             energies = at::empty({3, rows}, q.options().dtype(at::kDouble));
  arguments.sums = sums.mutable_data_ptr<float>();
  arguments.maps = keep_maps ? maps.mutable_data_ptr() : nullptr;
  arguments.half_maps = kept_type == at::kHalf;
  const auto stream = c10::cuda::getCurrentCUDAStream();
  launch_frame_map_energy(arguments, stream);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  launch_energy_sums(sums.const_data_ptr<float>(), rows, parts, 1 / double(groups * heads * f),
                     energies.mutable_data_ptr<double>(), stream);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {energies, maps};
}

at::Tensor energy_gain_cuda(const at::Tensor& before, const at::Tensor& guided, const at::Tensor& high,
                            double least) {
  const c10::cuda::CUDAGuard guard(high.device());
  at::Tensor gain = at::empty(high.sizes(), high.options().dtype(at::kFloat));
  if (gain.numel() == 0) return gain;
  const at::Tensor b = before.contiguous(), g = guided.contiguous(), h = high.contiguous();
  launch_energy_gain(b.const_data_ptr<double>(), g.const_data_ptr<double>(), h.const_data_ptr<double>(),
                     least, gain.numel(), gain.mutable_data_ptr<float>(), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return gain;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CUDA, library) {
  library.impl("frame_map_energy", frame_map_energy_cuda);
  library.impl("energy_gain", energy_gain_cuda);
}

}  // namespace reel::attention
