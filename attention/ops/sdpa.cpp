#include "attention/ops/sdpa.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>

namespace reel::attention {
namespace {

/// From ATen's composition, in f32 and blocks of queries: for what no kernel with a log-sum-exp takes. A sequence
/// at a time, since batched products on GPUs depend on the size of the batch.
Partial composed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask,
                 const SdpaOptions& options) {
  constexpr int64_t kMapBytes = int64_t{64} << 20;
  const int64_t n = q.size(2), keys = k.size(2);
  const int64_t most = std::max<int64_t>(1, kMapBytes / std::max<int64_t>(1, 4 * keys * q.size(1)));
  Partial result{at::empty({q.size(0), q.size(1), n, v.size(3)}, q.options()),
                 at::empty({q.size(0), q.size(1), n}, q.options().dtype(at::kFloat))};
  for (int64_t b = 0; b < q.size(0); ++b) {
    const at::Tensor k_transposed = k[b].to(at::kFloat).transpose(-1, -2), values = v[b].to(at::kFloat);
    const at::Tensor own_mask = mask.defined() ? mask[mask.size(0) == 1 ? 0 : b] : mask;
    for (int64_t first = 0; first < n; first += most) {
      const int64_t count = std::min(most, n - first);
      at::Tensor logits =
          at::matmul(q[b].narrow(1, first, count).to(at::kFloat), k_transposed).mul_(options.scale);
      if (own_mask.defined())
        logits.add_(own_mask.size(1) == 1 ? own_mask : own_mask.narrow(1, first, count));
      if (options.causal) {
        const at::Tensor later =
            at::ones({count, keys}, q.options().dtype(at::kBool)).triu_(/*diagonal=*/1 + first);
        logits.masked_fill_(later, -std::numeric_limits<float>::infinity());
      }
      const at::Tensor lse = at::logsumexp(logits, -1);
      const at::Tensor probs = logits.sub_(lse.masked_fill(lse.isneginf(), 0.0).unsqueeze(-1)).exp_();
      result.out[b].narrow(1, first, count).copy_(at::matmul(probs, values));
      result.lse[b].narrow(1, first, count).copy_(lse);
    }
  }
  return result;
}

/// The mask with rows that begin at multiples of 16 elements, which the kernel asks for.
at::Tensor aligned(const at::Tensor& mask, const at::Tensor& q, int64_t keys) {
  std::vector<int64_t> sizes = {q.size(0), q.size(1), q.size(2), keys};
  const int64_t padded = (keys + 15) / 16 * 16;
  at::Tensor room = at::empty({mask.size(0), mask.size(1), mask.size(2), padded}, q.options());
  const at::Tensor place = room.narrow(3, 0, keys);
  place.copy_(mask);
  return place.expand(sizes);
}

/// Kernels give queries that see no key 0 or no number, and a log-sum-exp of their own choice.
Partial marked(Partial result, const at::Tensor& mask) {
  if (!mask.defined() || mask.size(3) == 0) return result;
  const at::Tensor none = mask.amax(-1).isneginf();
  result.lse = result.lse.masked_fill(none, -std::numeric_limits<float>::infinity());
  if (result.out.is_cuda()) result.out = result.out.masked_fill(none.unsqueeze(-1), 0.0);
  return result;
}

}  // namespace

Partial sdpa(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask,
             const SdpaOptions& options) {
  // The kernels of CPUs take an f32 mask beside half types.
  const std::optional<at::Tensor> bias =
      mask.defined() ? std::optional(q.is_cpu() ? mask : mask.to(q.scalar_type())) : std::nullopt;
  if (!options.wants_lse)
    return {at::scaled_dot_product_attention(q, k, v, bias, 0.0, options.causal, options.scale), {}};
  const bool one_width = q.size(3) == v.size(3), any = q.numel() > 0 && k.numel() > 0;
  if (q.is_cpu() && one_width && any && q.stride(3) == 1 && k.stride(3) == 1 && v.stride(3) == 1) {
    auto [out, lse] =
        at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, options.causal, bias, options.scale);
    return marked({out, lse.to(at::kFloat)}, mask);
  }
  // Of a GPU's kernels the one whose sums do not depend on the number of sequences (flash attention splits keys by
  // it). It takes masks in the type of q, which would round those beside half types.
  const bool mask_fits = !mask.defined() || q.scalar_type() == at::kFloat;
  if (q.is_cuda() && one_width && any && q.size(3) % 8 == 0 && mask_fits) {
    const auto result = at::_scaled_dot_product_efficient_attention(
        q, k, v, mask.defined() ? std::optional(aligned(mask, q, k.size(2))) : std::nullopt,
        /*compute_log_sumexp=*/true, 0.0, options.causal, options.scale);
    // Its log-sum-exp has lines of a multiple of 32 queries.
    return marked({std::get<0>(result), std::get<1>(result).narrow(2, 0, q.size(2))}, mask);
  }
  return composed(q, k, v, mask, options);
}

// Without data, to plan the memory of a run: as much as the kernels take, which return the heads of a token side by
// side. ATen itself would form the map.
TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("scaled_dot_product_attention",
               [](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const std::optional<at::Tensor>&, double, bool, std::optional<double>, bool) {
                 // In bf16, which CPUs compute in, keys and values are packed anew.
                 const bool packs = q.scalar_type() == at::kBFloat16;
                 const at::Tensor packed_k = packs ? at::empty_like(k) : at::Tensor(),
                                  packed_v = packs ? at::empty_like(v) : at::Tensor();
                 return at::empty({q.size(0), q.size(2), q.size(1), v.size(3)}, q.options()).transpose(1, 2);
               });
}

}  // namespace reel::attention
