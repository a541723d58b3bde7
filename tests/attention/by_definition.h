// Calls for tests of attention, and what attention is by its definition: in double, masks by plain loops. It
// shares no code with what it judges.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "attention/call.h"
#include "attention/partial.h"

namespace reel::attention {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Sizes {
  int64_t rows = 2, groups = 1, heads = 2, queries = 5, keys = 5, width = 8;
  int64_t key_heads = 0, key_groups = 0;  // 0: as many as heads and groups
};

inline void PrintTo(const Sizes& s, std::ostream* out) {
  *out << s.rows << " rows, " << s.groups << " groups, " << s.heads << " heads, " << s.queries << " queries, "
       << s.keys << " keys, width " << s.width << ", key heads " << s.key_heads << ", key groups "
       << s.key_groups;
}

/// What calls of tests refer to; one for each number of heads that tests use.
inline const Site& site_of(int64_t heads, int64_t key_heads = 0) {
  static std::map<std::pair<int64_t, int64_t>, Site> sites;
  Site& site = sites[{heads, key_heads}];
  site = {.path = "layers.0.attn",
          .kind = SiteKind::kJoint,
          .heads = static_cast<int>(heads),
          .kv_heads = static_cast<int>(key_heads)};
  return site;
}
inline const Step kFirstStep{.index = 0, .count = 10};

/// A call of random contents, the same each time; logits have a standard deviation of `sharpness`.
inline Call random_call(const Sizes& s, double sharpness = 1, uint64_t seed = 1,
                        const at::TensorOptions& options = at::kFloat) {
  at::manual_seed(seed);
  Call call{.site = site_of(s.heads, s.key_heads), .step = kFirstStep};
  const int64_t key_heads = s.key_heads ? s.key_heads : s.heads,
                key_groups = s.key_groups ? s.key_groups : s.groups;
  const auto random = [&](at::IntArrayRef sizes) { return at::randn(sizes); };
  call.q = (random({s.rows, s.groups, s.heads, s.queries, s.width}) * sharpness).to(options);
  call.k = random({s.rows, key_groups, key_heads, s.keys, s.width}).to(options);
  call.v = random({s.rows, key_groups, key_heads, s.keys, s.width}).to(options);
  return call;
}

/// The values of a tensor in double; a dimension of size one serves every index.
class Values {
 public:
  explicit Values(const at::Tensor& t) : values_(t.to(at::kCPU, at::kDouble).contiguous()) {}
  double operator()(std::initializer_list<int64_t> indices) const {
    int64_t place = 0, dim = 0;
    for (const int64_t index : indices) {
      if (values_.size(dim) > 1) place += index * values_.stride(dim);
      ++dim;
    }
    return values_.const_data_ptr<double>()[place];
  }

 private:
  at::Tensor values_;
};

/// What is added to each logit, [R, G, heads, Nq, Nk] in double, from all that the call says of its keys.
inline at::Tensor mask_by_loops(const Call& call) {
  const int64_t rows = call.q.size(0), groups = call.q.size(1), heads = call.q.size(2),
                queries = call.q.size(3), keys = call.k.size(3);
  const Visible& visible = call.visible;
  const auto values = [](const at::Tensor& t) {
    return Values(t.defined() ? t : at::zeros({1, 1, 1, 1, 1}));
  };
  const Values own_key = values(visible.own_key), query_order = values(visible.query_order),
               key_order = values(visible.key_order), lengths = values(visible.key_lengths),
               key_bias = values(visible.key_bias);
  at::Tensor dense = call.bias.defined() ? call.bias : at::zeros({1, 1, 1, 1, 1});
  while (dense.dim() < 5) dense = dense.unsqueeze(0);
  const Values bias(dense);
  at::Tensor mask = at::empty({rows, groups, heads, queries, keys}, at::kDouble);
  double* value = mask.mutable_data_ptr<double>();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i)
          for (int64_t j = 0; j < keys; ++j) {
            const double own =
                visible.own_key.defined() ? own_key({r}) + double(i) : double(keys - queries + i);
            bool seen = !visible.causal || double(j) <= own;
            if (visible.key_order.defined()) seen &= key_order({r, g, h, j}) <= query_order({r, g, h, i});
            if (visible.key_lengths.defined()) seen &= double(j) < lengths({r, g});
            *value++ = seen ? key_bias({r, g, h, j}) + bias({r, g, h, i, j}) : -kInfinity;
          }
  return mask;
}

/// x turned to its positions in double, by plain loops over pairs of channels.
inline at::Tensor turned_by_loops(const Rotary& rotary, const at::Tensor& x, const at::Tensor& positions) {
  at::Tensor result = x.to(at::kCPU, at::kDouble).contiguous().clone();
  const Values place(positions), frequency(rotary.frequencies), from(x);
  auto to = result.accessor<double, 5>();
  const int64_t pairs = rotary.frequencies.size(0);
  const bool halves = rotary.pairs == Rotary::Pairs::kHalves;
  for (int64_t r = 0; r < x.size(0); ++r)
    for (int64_t g = 0; g < x.size(1); ++g)
      for (int64_t h = 0; h < x.size(2); ++h)
        for (int64_t n = 0; n < x.size(3); ++n)
          for (int64_t p = 0; p < pairs; ++p) {
            const int64_t axis = rotary.axes.empty() ? 0 : rotary.axes[size_t(p)];
            const double angle = place({r, g, h, n, axis}) * frequency({p});
            const int64_t one = halves ? p : 2 * p, other = halves ? p + pairs : 2 * p + 1;
            const double a = from({r, g, h, n, one}), b = from({r, g, h, n, other});
            to[r][g][h][n][one] = rotary.factor * (a * std::cos(angle) - b * std::sin(angle));
            to[r][g][h][n][other] = rotary.factor * (a * std::sin(angle) + b * std::cos(angle));
          }
  return result;
}

struct ByDefinition {
  at::Tensor logits, probs, out, lse;  // in double
};

inline ByDefinition by_definition(const Call& call) {
  const auto precise = [](const at::Tensor& t) { return t.to(at::kCPU, at::kDouble); };
  const auto turned = [&](const at::Tensor& t, const at::Tensor& positions) {
    return call.rotary && positions.defined() ? turned_by_loops(*call.rotary, t, positions) : precise(t);
  };
  const int64_t shared = call.q.size(2) / call.k.size(2);
  const at::Tensor q = turned(call.q, call.positions);
  const at::Tensor k = turned(call.k, call.key_positions).repeat_interleave(shared, 2),
                   v = precise(call.v).repeat_interleave(shared, 2);
  ByDefinition result;
  const double scale = std::isnan(call.scale) ? 1 / std::sqrt(double(call.q.size(4))) : call.scale;
  result.logits = at::matmul(q, k.transpose(-1, -2)) * scale + mask_by_loops(call);
  const at::Tensor most = result.logits.amax(-1, true), base = most.masked_fill(most.isneginf(), 0.0);
  const at::Tensor weights = at::exp(result.logits - base), sum = weights.sum(-1, true);
  result.probs = weights / sum.masked_fill(sum == 0, 1.0);
  result.out = at::matmul(result.probs, v);
  result.lse = (base + at::log(sum)).squeeze(-1);
  return result;
}

/// The largest difference; infinite if one is no number, 0 where both are the same infinity.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kCPU, at::kDouble), y = b.to(at::kCPU, at::kDouble);
  if (x.isnan().any().item<bool>() || y.isnan().any().item<bool>()) return kInfinity;
  return x.numel() ? (x - y).masked_fill(x == y, 0.0).abs().max().item<double>() : 0;
}

/// The call with only the keys from `first` on, of what it says of keys too.
inline Call some_keys(const Call& call, int64_t first, int64_t count) {
  Call part = call;
  part.k = call.k.narrow(3, first, count), part.v = call.v.narrow(3, first, count);
  const auto narrowed = [&](at::Tensor& t, int64_t dim) {
    if (t.defined() && t.size(dim) > 1) t = t.narrow(dim, first, count);
  };
  narrowed(part.key_positions, 3), narrowed(part.visible.key_order, 3), narrowed(part.visible.key_bias, 3);
  narrowed(part.bias, 4);
  if (part.visible.key_lengths.defined())
    part.visible.key_lengths = (call.visible.key_lengths - first).clamp(0, count);
  if (call.visible.causal) {
    const at::Tensor own = call.visible.own_key.defined()
                               ? call.visible.own_key
                               : at::full({call.q.size(0)}, call.k.size(3) - call.q.size(3), at::kLong);
    part.visible.own_key = own - first;
  }
  return part;
}

}  // namespace reel::attention
