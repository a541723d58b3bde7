#include "attention/processing/row_by_row.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <limits>

#include "attention/fused_attention.h"
#include "attention/key_values.h"
#include "attention/partition.h"

namespace reel::attention {
namespace {

/// Leaves the first `length` keys of a call of one row.
void keep_keys(Call& call, int64_t length) {
  const int64_t before = call.k.size(3), n = call.q.size(3);
  Visible& visible = call.visible;
  visible.key_lengths.reset();
  if (visible.causal) {
    const int64_t own = visible.own_key.defined() ? visible.own_key.item<int64_t>() : before - n;
    if (own == length - n)
      visible.own_key.reset();  // last queries and last keys belong together
    else
      visible.own_key = at::full({1}, own, at::kLong);
  }
  if (length == before) return;
  call.k = call.k.narrow(3, 0, length), call.v = call.v.narrow(3, 0, length);
  const auto narrow = [&](at::Tensor& t, int64_t dim) {
    if (t.defined() && t.size(dim) > 1) t = t.narrow(dim, 0, length);
  };
  narrow(visible.key_order, 3), narrow(visible.key_bias, 3), narrow(call.bias, 4),
      narrow(call.key_positions, 3);
}

Partial no_keys(const Call& call) {
  Partial part{
      at::zeros({1, call.q.size(1), call.q.size(2), call.q.size(3), call.v.size(4)}, call.q.options()), {}};
  if (call.wants_lse) {
    part.lse = at::full(call.q.sizes().slice(0, 4), -std::numeric_limits<float>::infinity(),
                        call.q.options().dtype(at::kFloat));
  }
  return part;
}

}  // namespace

bool has_row_lengths(const Call& call) {
  return call.visible.key_lengths.defined() && call.visible.key_lengths.size(1) == 1;
}

Partial row_by_row(const Call& call, const std::function<Partial(const Call&)>& attend) {
  const at::Tensor lengths = call.visible.key_lengths.to(at::kCPU).flatten();
  std::vector<at::Tensor> outs, lses;
  for (int64_t r = 0; r < call.q.size(0); ++r) {
    const Indices row = {r}, all_heads;
    NarrowCall narrowed(call, Selection(row, all_heads));
    const auto length = std::min(call.k.size(3), lengths[lengths.size(0) == 1 ? 0 : r].item<int64_t>());
    keep_keys(narrowed.call(), length);
    const Partial part = length > 0 ? attend(narrowed.call()) : no_keys(narrowed.call());
    outs.push_back(part.out), lses.push_back(part.lse);
  }
  return {outs.size() == 1 ? outs[0] : at::cat(outs), !call.wants_lse    ? at::Tensor()
                                                      : lses.size() == 1 ? lses[0]
                                                                         : at::cat(lses)};
}

at::Tensor cached_attention(Call call) {
  place_keys(call);
  KeyValues& cache = *call.cache;
  cache.append(call.rows, turned_keys(call), call.v);
  call.cache = nullptr, call.key_positions.reset();
  if (cache.is_view(call.rows)) {
    const KeyValues::View view = cache.view(call.rows);
    call.k = view.k, call.v = view.v;
    return fused_attention(with_rotary(std::move(call))).out;
  }
  const Call turned = with_rotary(std::move(call));
  const int64_t rows = turned.q.size(0), heads = turned.q.size(2), n = turned.q.size(3);
  // The heads of a token side by side, so that merging them is a view.
  const at::Tensor result =
      at::empty({rows, 1, n, heads, turned.v.size(4)}, turned.q.options()).transpose(2, 3);
  for (int64_t r = 0; r < rows; ++r) {
    const Indices row = {r}, all_heads;
    NarrowCall narrowed(turned, Selection(row, all_heads));
    Call& alone = narrowed.call();
    const KeyValues::View view = cache.view(alone.rows);
    alone.k = view.k, alone.v = view.v;
    result.narrow(0, r, 1).copy_(fused_attention(alone).out);
  }
  return result;
}

}  // namespace reel::attention
