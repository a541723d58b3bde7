// reel::frame_attention on the CPU: one sequence at a time.
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "attention/ops/frame/frame_attention.h"
#include "attention/ops/frame/frame_attention_bf16.h"
#include "attention/ops/frame/frame_maps_cpu.h"

namespace reel::attention {
namespace {

/// Sequences of a thread at least: small work is not worth waking one.
int64_t grain_of(int64_t queries, int64_t keys) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, queries * keys));
}

void run(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& result, float scale,
         const FrameMapEdit& edit) {
  const int64_t groups = q.size(1), heads = q.size(2), f = q.size(3), m = k.size(3), d = q.size(4);
  const FrameMapTables tables(edit, m);
  const float* gain = edit.gain.defined() ? edit.gain.const_data_ptr<float>() : nullptr;
  at::parallel_for(0, q.size(0) * groups * heads, grain_of(f, m), [&](int64_t begin, int64_t end) {
    FrameMaps maps(f, m, d, tables);
    for (int64_t i = begin; i < end; ++i) {
      const Sequence sequence(i, groups, heads);
      maps.load_keys(k, sequence);
      maps.load_values(v, sequence);
      for (int64_t first = 0; first < f; first += FrameMaps::kQueries) {
        maps.form(q, sequence, first, std::min(FrameMaps::kQueries, f - first), scale);
        maps.guide(sequence);
        if (gain) maps.raise(gain[sequence.row]);
        maps.answer(result, sequence);
      }
    }
  });
}

void run_bf16(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& result,
              float scale, const FrameMapEdit& edit) {
  const int64_t groups = q.size(1), heads = q.size(2), f = q.size(3), m = k.size(3), d = q.size(4);
  const FrameMapTables tables(edit, m);
  const float* band = tables.band.empty() ? nullptr : tables.band.data() + m - 1;
  const auto bits = [](const at::Tensor& t) {
    return reinterpret_cast<const uint16_t*>(t.const_data_ptr<at::BFloat16>());
  };
  const uint16_t *qs = bits(q), *ks = bits(k), *vs = bits(v);
  auto* out = reinterpret_cast<uint16_t*>(result.mutable_data_ptr<at::BFloat16>());
  at::parallel_for(0, q.size(0) * groups * heads, grain_of(f, m), [&](int64_t begin, int64_t end) {
    Bf16Attention attention(m, d);
    for (int64_t i = begin; i < end; ++i) {
      const Sequence sequence(i, groups, heads);
      attention.load(ks + sequence.offset(k), k.stride(3), vs + sequence.offset(v), v.stride(3));
      attention.attend(qs + sequence.offset(q), q.stride(3), f, scale, band, out + sequence.offset(result),
                       result.stride(3));
    }
  });
}

at::Tensor frame_attention_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                               const FrameMapEdit::Packed& tensors, double alpha) {
  const at::Tensor result = frame_attention_result(q);
  if (result.numel() == 0) return result;
  if (k.size(3) == 0) return result.zero_();
  const FrameMapEdit edit = FrameMapEdit::unpack(tensors, alpha);
  const bool maps_change = edit.anchor.defined() || edit.gain.defined();
  if (q.scalar_type() == at::kBFloat16 && scale >= 0 && !maps_change && has_bf16_dot_products()) {
    run_bf16(q, k, v, result, static_cast<float>(scale), edit);
  } else {
    run(q, k, v, result, static_cast<float>(scale), edit);
  }
  return result;
}

}  // namespace

TORCH_LIBRARY_IMPL(reel, CPU, library) { library.impl("frame_attention", frame_attention_cpu); }

}  // namespace reel::attention
