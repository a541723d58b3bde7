#include "attention/explicit_attention.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "attention/partition.h"
#include "attention/processing/row_by_row.h"
#include "attention/visible.h"

namespace reel::attention {
namespace {

/// How many rows, heads, sequences and queries are taken at a time.
struct Blocks {
  int64_t rows, heads, groups, queries;
};

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::string in_mib(int64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

Blocks blocks_of(const Call& call, const ExplicitOptions& options) {
  const int64_t rows = call.q.size(0), groups = call.q.size(1), heads = call.q.size(2), n = call.q.size(3);
  const int64_t keys = std::max<int64_t>(1, call.k.size(3));
  const int64_t line = 4 * keys;  // one query's map, f32
  // f32 copies of one head's keys and values, if they are of a half type. Shared keys exist once.
  const bool converts = call.k.scalar_type() != at::kFloat;
  const int64_t copy = converts ? 4 * keys * (call.k.size(4) + call.v.size(4)) : 0;
  const int64_t copies = copy * (call.k.size(1) == 1 ? 1 : groups);
  if (options.whole_map) {
    const int64_t bytes = rows * heads * (line * groups * n + copies / heads_per_key(call));
    if (bytes > options.bytes) {
      throw std::runtime_error("[attention] an edit needs the whole map of " + call.site.path + ", " +
                               in_mib(bytes) + ", but the budget is " + in_mib(options.bytes) +
                               "; narrow the edit with layer= or rows=");
    }
    return {rows, heads, groups, n};
  }
  const int64_t least_rows = options.rows_together ? rows : 1,
                least_heads = options.heads_together ? heads : 1;
  const int64_t least = least_rows * least_heads;
  // Whole sequences of whole rows and heads while they fit.
  const int64_t stack = copies + line * groups * n;
  if (stack * least <= options.bytes) {
    const int64_t at_once = options.bytes / stack;
    if (at_once >= heads * least_rows)
      return {options.rows_together ? rows : std::clamp<int64_t>(at_once / heads, 1, rows), heads, groups, n};
    return {least_rows, std::clamp<int64_t>(at_once / least_rows, least_heads, heads), groups, n};
  }
  const int64_t left = options.bytes - copies * least;
  if (left < 0) {
    throw std::runtime_error("[attention] an edit looks at the map of " + call.site.path + ", of whose " +
                             std::to_string(keys) + " keys and values the f32 copies alone take " +
                             in_mib(copies * least) + ", but the budget is " + in_mib(options.bytes) +
                             "; narrow the edit with layer=, rows= or heads=");
  }
  return {least_rows, least_heads, std::clamp<int64_t>(left / (line * n * least), 1, groups),
          std::clamp<int64_t>(left / (line * least), 1, n)};
}

/// Narrows what the call says of its n queries to a block of them.
void narrow_queries(Call& block, int64_t first, int64_t count, int64_t n) {
  if (count == n) return;
  Visible& visible = block.visible;
  if (visible.query_order.defined()) visible.query_order = visible.query_order.narrow(3, first, count);
  if (block.bias.defined() && block.bias.size(3) > 1) block.bias = block.bias.narrow(3, first, count);
  if (!visible.causal) return;
  visible.own_key = visible.own_key.defined()
                        ? visible.own_key + first
                        : at::full({block.q.size(0)}, block.k.size(3) - n + first,
                                   at::TensorOptions(at::kLong).device(block.q.device()));
}

/// q k^T for heads of which several may read one key head, and sequences that may share keys; neither is
/// repeated in memory.
at::Tensor product(const at::Tensor& q, const at::Tensor& k_transposed) {
  const int64_t rows = q.size(0), groups = q.size(1), heads = q.size(2), n = q.size(3);
  const int64_t shared = heads / k_transposed.size(2);
  if (shared == 1 && k_transposed.size(1) == groups) return at::matmul(q, k_transposed);
  if (k_transposed.size(1) == groups) {
    return at::matmul(q.unflatten(2, {heads / shared, shared}).flatten(3, 4), k_transposed)
        .view({rows, groups, heads, n, -1});
  }
  // Sequences become one long one: [R, 1, key heads, shared G n, d].
  const at::Tensor queries =
      q.permute({0, 2, 1, 3, 4}).reshape({rows, heads / shared, shared * groups * n, -1});
  return at::matmul(queries, k_transposed.squeeze(1))
      .view({rows, heads, groups, n, -1})
      .transpose(1, 2)
      .contiguous();
}

}  // namespace

Partial explicit_attention(const Call& whole, const ExplicitOptions& options) {
  if (has_row_lengths(whole) && !options.whole_map && !options.rows_together) {
    return row_by_row(whole, [&](const Call& row) { return explicit_attention(row, options); });
  }
  const Blocks blocks = blocks_of(whole, options);
  const int64_t rows = whole.q.size(0), groups = whole.q.size(1), heads = whole.q.size(2),
                n = whole.q.size(3);
  Partial result;
  result.out = at::empty({rows, groups, heads, n, whole.v.size(4)}, whole.q.options());
  if (whole.wants_lse) result.lse = at::empty({rows, groups, heads, n}, whole.q.options().dtype(at::kFloat));
  const auto range = [](int64_t first, int64_t count, int64_t all) {
    Indices indices;
    if (count == all) return indices;
    for (int64_t i = 0; i < count; ++i) indices.push_back(first + i);
    return indices;
  };
  for (int64_t r = 0; r < rows; r += blocks.rows) {
    for (int64_t h = 0; h < heads; h += blocks.heads) {
      const Indices of_rows = range(r, std::min(blocks.rows, rows - r), rows),
                    of_heads = range(h, std::min(blocks.heads, heads - h), heads);
      const Selection selection(of_rows, of_heads);
      NarrowCall narrowed(whole, selection);
      Call& call = narrowed.call();
      const at::Tensor out = selection.take(result.out);
      const at::Tensor lse = result.lse.defined() ? selection.take(result.lse) : at::Tensor();
      call.k = call.k.to(at::kFloat), call.v = call.v.to(at::kFloat);
      for (int64_t g = 0; g < groups; g += blocks.groups) {
        const int64_t g_count = std::min(blocks.groups, groups - g);
        const auto of_groups = [&](const at::Tensor& t) {
          return !t.defined() || t.size(1) == 1 ? t : t.narrow(1, g, g_count);
        };
        Call sequences = call;
        sequences.q = call.q.narrow(1, g, g_count);
        sequences.k = of_groups(call.k), sequences.v = of_groups(call.v),
        sequences.bias = of_groups(call.bias);
        sequences.hidden = of_groups(call.hidden);
        Visible& visible = sequences.visible;
        for (at::Tensor* t :
             {&visible.query_order, &visible.key_order, &visible.key_lengths, &visible.key_bias})
          *t = of_groups(*t);
        const at::Tensor k_transposed = sequences.k.transpose(-1, -2);
        for (int64_t i = 0; i < n; i += blocks.queries) {
          const int64_t count = std::min(blocks.queries, n - i);
          Call block = sequences;
          block.q = sequences.q.narrow(3, i, count);
          block.query_begin = whole.query_begin + i;
          narrow_queries(block, i, count, n);
          at::Tensor map = product(block.q.to(at::kFloat), k_transposed).mul_(scale_of(call));
          const at::Tensor mask = logit_mask(block, 0, count);
          if (mask.defined()) map.add_(mask);
          if (options.on_logits) options.on_logits(block, map);
          at::Tensor most, none;  // of each query's logits; whether it sees no key
          if (lse.defined() || mask.defined() || options.on_logits)
            most = map.amax(-1, true), none = most.isneginf();
          at::softmax_out(map, map, -1);
          if (none.defined()) map.masked_fill_(none, 0);
          if (lse.defined()) {
            // The largest probability is exp(most - lse).
            const at::Tensor of_block = (most - map.amax(-1, true).log_()).masked_fill_(none, -kInfinity);
            lse.narrow(1, g, g_count).narrow(3, i, count).copy_(of_block.squeeze(-1));
          }
          if (options.on_probs) options.on_probs(block, map);
          out.narrow(1, g, g_count).narrow(3, i, count).copy_(product(map, sequences.v));
        }
      }
    }
  }
  return result;
}

}  // namespace reel::attention
