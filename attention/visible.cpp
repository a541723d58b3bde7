#include "attention/visible.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <limits>

#include "attention/call.h"

namespace reel::attention {
namespace {

constexpr int64_t kMaskBytes = int64_t{16} << 20;

// [R, G, heads, N] -> [R, G, heads, 1, Nk] and [R, G, heads, count, 1].
at::Tensor for_keys(const at::Tensor& t) { return t.unsqueeze(3); }
at::Tensor for_queries(const at::Tensor& t, int64_t first, int64_t count) {
  return t.narrow(3, first, count).unsqueeze(4);
}

}  // namespace

at::Tensor logit_mask(const Call& call, int64_t first, int64_t count) {
  const Visible& visible = call.visible;
  const int64_t keys = call.k.size(3), queries = call.q.size(3);
  const auto device = call.q.device();
  at::Tensor seen;  // bool
  const auto restrict_to = [&seen](const at::Tensor& allowed) {
    seen = seen.defined() ? seen.logical_and(allowed) : allowed;
  };
  if (visible.causal) {
    const at::Tensor key = at::arange(keys, at::TensorOptions(at::kLong).device(device));
    at::Tensor own = at::arange(first, first + count, at::TensorOptions(at::kLong).device(device))
                         .view({1, 1, 1, count, 1});
    own = visible.own_key.defined() ? own + visible.own_key.to(device).view({-1, 1, 1, 1, 1})
                                    : own + (keys - queries);
    restrict_to(key <= own);
  }
  if (visible.query_order.defined())
    restrict_to(for_keys(visible.key_order) <= for_queries(visible.query_order, first, count));
  if (visible.key_lengths.defined()) {
    const at::Tensor key = at::arange(keys, at::TensorOptions(at::kLong).device(device));
    restrict_to(key < visible.key_lengths.to(device).view(
                          {visible.key_lengths.size(0), visible.key_lengths.size(1), 1, 1, 1}));
  }
  at::Tensor mask;
  if (seen.defined()) {
    mask = at::zeros(seen.sizes(), at::TensorOptions(at::kFloat).device(device));
    mask.masked_fill_(at::bitwise_not(seen), -std::numeric_limits<float>::infinity());
  }
  const auto add = [&mask](const at::Tensor& term) { mask = mask.defined() ? mask + term : term; };
  if (visible.key_bias.defined()) add(for_keys(visible.key_bias));
  if (call.bias.defined()) {
    at::Tensor bias = call.bias;
    while (bias.dim() < 5) bias = bias.unsqueeze(0);
    add((bias.size(3) == 1 ? bias : bias.narrow(3, first, count)).to(at::kFloat));
  }
  return mask;
}

int64_t masked_queries(const Call& call) {
  return std::max<int64_t>(1, kMaskBytes / std::max<int64_t>(1, 4 * call.k.size(3)));
}

}  // namespace reel::attention
