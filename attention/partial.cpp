#include "attention/partial.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace reel::attention {

Partial merge(const Partial& a, const Partial& b) {
  TORCH_CHECK(a.lse.defined() && b.lse.defined(),
              "merge: attention over parts of the keys needs its log-sum-exp; set Call::wants_lse");
  // Where neither saw a key the largest is -infinity, whose difference to itself is no number.
  const at::Tensor largest = at::maximum(a.lse, b.lse), base = largest.masked_fill(largest.isneginf(), 0.0);
  const at::Tensor of_a = at::exp(a.lse - base), of_b = at::exp(b.lse - base), sum = of_a + of_b;
  const at::Tensor divisor = sum.masked_fill(sum == 0, 1.0);
  const at::Tensor out = (a.out.to(at::kFloat) * (of_a / divisor).unsqueeze(-1))
                             .add_(b.out.to(at::kFloat) * (of_b / divisor).unsqueeze(-1));
  return {out.to(a.out.scalar_type()), base + at::log(sum)};
}

at::Tensor columns(const Call& call, const at::Tensor& lse, const at::Tensor& keys) {
  const int64_t rows = call.q.size(0), heads = call.q.size(2), shared = heads_per_key(call);
  // [R or 1, 1, 1, n]: where each chosen key lies, for tensors with a dimension of keys.
  const at::Tensor index = (keys.dim() == 1 ? keys.unsqueeze(0) : keys).unsqueeze(1).unsqueeze(1);
  const auto chosen = [&](const at::Tensor& t, int64_t dim) {
    // t has rows in front and keys in dim; rows are expanded only if they choose different keys.
    if (t.size(dim) == 1 && call.k.size(3) > 1) return t;  // one for all keys
    if (index.size(0) == 1) return t.index_select(dim, index.flatten());
    std::vector<int64_t> of_rows(size_t(t.dim()), -1);
    of_rows[0] = rows;
    const at::Tensor at_rows = t.expand(of_rows);
    std::vector<int64_t> view(size_t(t.dim()), 1), sizes = at_rows.sizes().vec();
    view[0] = rows, view[size_t(dim)] = index.size(3);
    sizes[size_t(dim)] = index.size(3);
    return at_rows.gather(dim, index.view(view).expand(sizes));
  };
  Call part = call;
  part.k = chosen(call.k, 3);
  if (call.key_positions.defined()) part.key_positions = chosen(call.key_positions, 3);
  const Call turned = with_rotary(part);
  const at::Tensor q = turned.q.to(at::kFloat).unflatten(2, {heads / shared, shared});
  const at::Tensor k = turned.k.to(at::kFloat).unsqueeze(3);
  at::Tensor logits = at::matmul(q, k.transpose(-1, -2)).flatten(2, 3).mul_(scale_of(call));
  const Visible& visible = call.visible;
  if (visible.all() && !call.bias.defined()) return logits.sub_(lse.unsqueeze(-1)).exp_();
  // The mask in blocks of queries, of which the chosen keys are kept.
  const int64_t queries = call.q.size(3), block = masked_queries(call);
  for (int64_t first = 0; first < queries; first += block) {
    const int64_t count = std::min(block, queries - first);
    const at::Tensor mask = logit_mask(call, first, count);
    logits.narrow(3, first, count).add_(chosen(mask, 4));
  }
  return logits.sub_(lse.unsqueeze(-1).masked_fill(lse.unsqueeze(-1).isneginf(), 0.0)).exp_();
}

}  // namespace reel::attention
