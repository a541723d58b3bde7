#include "attention/fused_attention.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

#include "attention/ops/frame/frame_attention.h"
#include "attention/ops/sdpa.h"
#include "attention/processing/row_by_row.h"
#include "attention/visible.h"

namespace reel::attention {
namespace {

/// Sequences [B, heads, Nq, d] and keys [B, key heads, Nk, d] without a mask.
struct Plain {
  double scale;
  bool causal, wants_lse;

  Partial operator()(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& mask = {}) const {
    const int64_t heads = q.size(1), key_heads = k.size(1), n = q.size(2), shared = heads / key_heads;
    if (shared == 1) return sdpa(q, k, v, mask, {scale, causal, wants_lse});
    if (!causal && !mask.defined()) {
      // Queries that read one key head become one longer sequence of queries.
      Partial out =
          sdpa(q.unflatten(1, {key_heads, shared}).flatten(2, 3), k, v, {}, {scale, false, wants_lse});
      out.out = out.out.unflatten(2, {shared, n}).flatten(1, 2);
      if (out.lse.defined()) out.lse = out.lse.unflatten(2, {shared, n}).flatten(1, 2);
      return out;
    }
    // One query head of each group at a time: views of q, and k as it is.
    Partial all{at::empty({q.size(0), heads, n, v.size(3)}, q.options()), {}};
    if (wants_lse) all.lse = at::empty({q.size(0), heads, n}, q.options().dtype(at::kFloat));
    const auto member = [&](const at::Tensor& t, int64_t i) { return t.slice(1, i, std::nullopt, shared); };
    for (int64_t i = 0; i < shared; ++i) {
      const Partial one =
          sdpa(member(q, i), k, v, mask.defined() && mask.size(1) > 1 ? member(mask, i) : mask,
               {scale, causal, wants_lse});
      member(all.out, i).copy_(one.out);
      if (wants_lse) member(all.lse, i).copy_(one.lse);
    }
    return all;
  }
};

/// Folds rows and sequences into one dimension, if that takes no copy; each row is a call of its own otherwise.
Partial over_rows(const Call& call, const Plain& plain, const at::Tensor& mask = {}) {
  const int64_t rows = call.q.size(0), groups = call.q.size(1);
  const auto one_dimension = [&](const at::Tensor& t) {
    return rows == 1 || groups == 1 || t.stride(0) == t.stride(1) * groups;
  };
  // Views of one group cost a language model's short calls least: squeezed, not flattened.
  const auto unfolded = [&](Partial part) {
    const auto apart = [&](const at::Tensor& t) {
      return groups == 1 ? t.unsqueeze(1) : t.unflatten(0, {rows, groups});
    };
    part.out = apart(part.out);
    if (part.lse.defined()) part.lse = apart(part.lse);
    return part;
  };
  const bool shared = call.k.size(1) != groups;  // the expanded keys of several rows are no view
  const auto expanded = [&](const at::Tensor& t) { return shared ? t.expand({-1, groups, -1, -1, -1}) : t; };
  // A mask of each row and sequence is folded as they are.
  const auto folded_mask = [&](const at::Tensor& m, int64_t of_rows) {
    if (!m.defined()) return m;
    if (m.size(0) == 1 && m.size(1) == 1) return m.squeeze(0);
    return m.expand({of_rows, groups, -1, -1, -1}).flatten(0, 1);
  };
  if (one_dimension(call.q) && (rows == 1 || (!shared && one_dimension(call.k) && one_dimension(call.v)))) {
    const auto fold = [&](const at::Tensor& t) {  // a view
      return groups == 1 ? t.squeeze(1) : t.flatten(0, 1);
    };
    return unfolded(
        plain(fold(call.q), fold(expanded(call.k)), fold(expanded(call.v)), folded_mask(mask, rows)));
  }
  std::vector<at::Tensor> outs, lses;
  for (int64_t r = 0; r < rows; ++r) {
    const at::Tensor of_row = mask.defined() && mask.size(0) > 1 ? mask.narrow(0, r, 1) : mask;
    const Partial part = plain(call.q[r], expanded(call.k)[r], expanded(call.v)[r], folded_mask(of_row, 1));
    outs.push_back(part.out), lses.push_back(part.lse);
  }
  return {at::stack(outs), call.wants_lse ? at::stack(lses) : at::Tensor()};
}

/// With a mask, which is formed for a block of queries at a time.
Partial masked(const Call& call, const Plain& plain) {
  const int64_t n = call.q.size(3), most = masked_queries(call);
  if (n <= most) return over_rows(call, plain, logit_mask(call, 0, n));
  std::vector<at::Tensor> outs, lses;
  for (int64_t first = 0; first < n; first += most) {
    const int64_t count = std::min(most, n - first);
    Call block = call;
    block.q = call.q.narrow(3, first, count);
    const Partial part = over_rows(block, plain, logit_mask(call, first, count));
    outs.push_back(part.out), lses.push_back(part.lse);
  }
  return {at::cat(outs, 3), call.wants_lse ? at::cat(lses, 3) : at::Tensor()};
}

}  // namespace

bool takes_map_edits(const Call& call) {
  // 128: the most keys that a GPU's kernel has registers for.
  const auto whole_heads = [](const at::Tensor& t) { return t.stride(4) == 1; };
  return call.site.kind == SiteKind::kTemporal && whole_heads(call.q) && whole_heads(call.k) &&
         whole_heads(call.v) && !call.bias.defined() && call.visible.all() && !call.wants_lse &&
         call.query_begin == 0 && call.q.sizes() == call.k.sizes() && call.q.size(3) <= 128 &&
         call.q.size(4) <= kWidestHead && call.q.numel() > 0;
}

Partial fused_attention(const Call& call) {
  if (has_row_lengths(call)) return row_by_row(call, fused_attention);
  const int64_t rows = call.q.size(0), groups = call.q.size(1), heads = call.q.size(2), n = call.q.size(3);
  const int64_t d = call.v.size(4);
  const Plain plain{scale_of(call), false, call.wants_lse};
  const bool unmasked = !call.bias.defined() && call.visible.all();
  // Generic fused attention works in tiles made for long sequences and wastes most of them on few keys. These
  // thresholds were measured: benchmarks/README.md.
  const bool half = call.q.scalar_type() != at::kFloat;
  const bool on_host = !call.q.is_cuda();  // plans, whose tensors have no data, follow the CPU's course
  const int64_t few = on_host ? kMostKeys : half ? 32 : d <= 80 ? 16 : 0;
  if (groups > 1 && unmasked && !call.wants_lse && call.k.size(3) <= few && call.k.size(2) == heads &&
      call.k.size(4) == d && d <= kWidestHead && (on_host || (n <= few && call.k.size(1) == groups))) {
    return {frame_attention(call.q, call.k, call.v, scale_of(call)), {}};
  }
  if (call.k.size(1) == 1 && groups > 1 && unmasked) {
    // Keys shared by all sequences of a row: the sequences are one long query, and keys are not repeated.
    const at::Tensor q = call.q.transpose(1, 2).reshape({rows, heads, groups * n, call.q.size(4)});
    const Partial part = plain(q, call.k.squeeze(1), call.v.squeeze(1));
    return {part.out.view({rows, heads, groups, n, d}).transpose(1, 2),
            part.lse.defined() ? part.lse.view({rows, heads, groups, n}).transpose(1, 2) : at::Tensor()};
  }
  if (unmasked) return over_rows(call, plain);
  // ATen's causal mode lets first queries and first keys belong together, ours the last ones.
  if (!call.bias.defined() && call.visible.only_causal() && n == call.k.size(3))
    return over_rows(call, {scale_of(call), true, call.wants_lse});
  if (!call.bias.defined() && call.visible.only_causal() && n == 1) return over_rows(call, plain);
  return masked(call, plain);
}

}  // namespace reel::attention
