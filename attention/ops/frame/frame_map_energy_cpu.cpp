// reel::frame_map_energy on the CPU: one sequence at a time.
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <torch/library.h>

#include "attention/ops/frame/frame_maps_cpu.h"

namespace reel::attention {
namespace {

std::tuple<at::Tensor, at::Tensor> frame_map_energy_cpu(const at::Tensor& q, const at::Tensor& k,
                                                        double scale, const FrameMapEdit::Packed& tensors,
                                                        double alpha, bool keep_maps) {
  const int64_t rows = q.size(0), groups = q.size(1), heads = q.size(2), f = q.size(3), d = q.size(4);
  const FrameMapTables tables(FrameMapEdit::unpack(tensors, alpha), f);
  const auto f32 = at::TensorOptions(at::kFloat);
  const at::Tensor kept = keep_maps ? at::empty({rows, groups, heads, f, f}, f32) : at::empty({0}, f32);
  // A sum of each sequence, added up afterwards in an order that the number of threads does not change.
  const at::Tensor sums = at::zeros({3, rows, groups * heads}, at::kDouble);
  double* sum = sums.mutable_data_ptr<double>();
  const int64_t count = rows * groups * heads;
  const int64_t grain = std::max<int64_t>(1, 16384 / (f * f));
  at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    FrameMaps maps(f, f, d, tables);
    for (int64_t i = begin; i < end; ++i) {
      const Sequence sequence(i, groups, heads);
      maps.load_keys(k, sequence);
      for (int64_t first = 0; first < f; first += FrameMaps::kQueries) {
        maps.form(q, sequence, first, std::min(FrameMaps::kQueries, f - first), static_cast<float>(scale));
        if (keep_maps) maps.copy_to(kept.mutable_data_ptr<float>() + i * f * f);
        sum[i] += maps.energy();
        maps.guide(sequence);
        sum[count + i] += maps.energy();
        sum[2 * count + i] += maps.high_energy();
      }
    }
  });
  return {sums.sum(-1) / double(groups * heads * f), kept};
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CPU, library) { library.impl("frame_map_energy", frame_map_energy_cpu); }

}  // namespace reel::attention
