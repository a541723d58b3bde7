#include "attention/fused_attention.h"

#include <ATen/ops/scaled_dot_product_attention.h>

#include "attention/ops/frame/frame_attention.h"

namespace reel::attention {

double scale_of(const Call& call) {
  return call.scale != 0 ? call.scale : 1.0 / std::sqrt(double(call.q.size(4)));
}

bool takes_map_edits(const Call& call) {
  // 128: the most keys that a GPU's kernel has registers for.
  const auto whole_heads = [](const at::Tensor& t) { return t.stride(4) == 1; };
  return call.site.kind == SiteKind::kTemporal && whole_heads(call.q) && whole_heads(call.k) &&
         whole_heads(call.v) && !call.bias.defined() && call.query_begin == 0 &&
         call.q.sizes() == call.k.sizes() && call.q.size(3) <= 128 && call.q.size(4) <= kWidestHead &&
         call.q.numel() > 0;
}

at::Tensor fused_attention(const Call& call) {
  const int64_t rows = call.q.size(0), groups = call.q.size(1), heads = call.q.size(2), n = call.q.size(3);
  const int64_t d = call.v.size(4);
  const auto sdpa = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const at::Tensor& bias) {
    return at::scaled_dot_product_attention(q, k, v,
                                            bias.defined() ? std::optional(bias.to(q.dtype())) : std::nullopt,
                                            0.0, false, scale_of(call));
  };
  // Generic fused attention works in tiles made for long sequences and wastes most of them on few keys. How
  // many are few was measured: benchmarks/README.md.
  const bool half = call.q.scalar_type() != at::kFloat;
  const int64_t few = call.q.is_cpu() ? kMostKeys : half ? 32 : d <= 80 ? 16 : 0;
  if (groups > 1 && !call.bias.defined() && call.k.size(3) <= few && call.q.size(4) <= kWidestHead &&
      (call.q.is_cpu() || (n <= few && call.k.size(1) == groups))) {
    return frame_attention(call.q, call.k, call.v, scale_of(call));
  }
  if (call.k.size(1) == 1 && groups > 1 && !call.bias.defined()) {
    // Keys shared by all sequences of a row: the sequences are one long query, and keys are not repeated.
    const at::Tensor q = call.q.transpose(1, 2).reshape({rows, heads, groups * n, d});
    const at::Tensor out = sdpa(q, call.k.squeeze(1), call.v.squeeze(1), {});
    return out.view({rows, heads, groups, n, d}).transpose(1, 2);
  }
  const auto one_dimension = [&](const at::Tensor& t) {
    return rows == 1 || groups == 1 || t.stride(0) == t.stride(1) * groups;
  };
  const bool shared = call.k.size(1) != groups;  // the expanded keys of several rows are no view
  if (one_dimension(call.q) && (rows == 1 || (!shared && one_dimension(call.k) && one_dimension(call.v)))) {
    const auto fold = [](const at::Tensor& t) { return t.flatten(0, 1); };  // a view
    const at::Tensor bias =
        call.bias.defined() ? call.bias.expand({rows, groups, -1, -1, -1}).flatten(0, 1) : call.bias;
    const at::Tensor k = shared ? call.k.expand({-1, groups, -1, -1, -1}) : call.k;
    const at::Tensor v = shared ? call.v.expand({-1, groups, -1, -1, -1}) : call.v;
    return sdpa(fold(call.q), fold(k), fold(v), bias).view({rows, groups, heads, n, d});
  }
  // Rows and groups cannot be folded into one dimension without a copy, so each row is a call of its own.
  std::vector<at::Tensor> outputs;
  for (int64_t r = 0; r < rows; ++r) {
    const at::Tensor k = call.k[r].expand({groups, -1, -1, -1}), v = call.v[r].expand({groups, -1, -1, -1});
    const at::Tensor bias = call.bias.defined() ? call.bias.expand({rows, groups, -1, -1, -1})[r] : call.bias;
    outputs.push_back(sdpa(call.q[r], k, v, bias));
  }
  return at::stack(outputs);
}

}  // namespace reel::attention
