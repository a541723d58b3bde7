#include "attention/partition.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>

namespace reel::attention {
namespace {

Indices listed(const Indices& indices, int64_t count) {
  if (!indices.empty()) return indices;
  Indices all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Empty for all `count` of a dimension.
Indices shortened(Indices indices, int64_t count) {
  if (static_cast<int64_t>(indices.size()) == count) indices.clear();
  return indices;
}

bool holds(const Indices& sorted, int64_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}
bool meet(const Indices& a, const Indices& b) {
  return std::any_of(a.begin(), a.end(), [&](int64_t value) { return holds(b, value); });
}
Indices united(const Indices& a, const Indices& b) {
  Indices all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}
struct Rectangle {
  Indices rows, heads;  // listed in full
  bool meets(const Rectangle& other) const { return meet(rows, other.rows) && meet(heads, other.heads); }
};

/// What has to stay together: the rectangles of `whole` claims, those that overlap made one.
std::vector<Rectangle> kept_together(const std::vector<Rectangle>& claimed, std::span<const Claim> claims) {
  std::vector<Rectangle> blocks;
  for (size_t i = 0; i < claims.size(); ++i) {
    if (!claims[i].whole) continue;
    Rectangle block = claimed[i];
    for (size_t other = 0; other < blocks.size();) {
      if (!blocks[other].meets(block)) {
        ++other;
        continue;
      }
      block = {united(block.rows, blocks[other].rows), united(block.heads, blocks[other].heads)};
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(other));
      other = 0;  // grown: it may meet those that it did not meet before
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

/// The step between neighbours if all are equal, else 0.
int64_t even_step(const Indices& indices) {
  if (indices.size() == 1) return 1;
  const int64_t step = indices[1] - indices[0];
  for (size_t i = 2; i < indices.size(); ++i) {
    if (indices[i] - indices[i - 1] != step) return 0;
  }
  return step > 0 ? step : 0;
}

at::Tensor pick(const at::Tensor& tensor, int64_t dim, const Indices& indices) {
  if (indices.empty() || tensor.size(dim) == 1) return tensor;
  if (const int64_t step = even_step(indices))
    return tensor.slice(dim, indices.front(), indices.back() + 1, step);
  return tensor.index_select(dim, at::tensor(indices, at::TensorOptions(at::kLong).device(tensor.device())));
}

/// Whether both are the same view of the same memory.
bool one_view(const at::Tensor& a, const at::Tensor& b) {
  return a.is_alias_of(b) && a.const_data_ptr() == b.const_data_ptr() && a.strides() == b.strides();
}

void put_into(const at::Tensor& target, int64_t dim, const Indices& indices, const at::Tensor& part) {
  if (indices.empty() || even_step(indices)) {
    const at::Tensor place = pick(target, dim, indices);
    if (!one_view(place, part)) place.copy_(part);
    return;
  }
  target.index_copy_(dim, at::tensor(indices, at::TensorOptions(at::kLong).device(target.device())),
                     part.to(target.scalar_type()));
}

}  // namespace

std::vector<Part> parts_of(int64_t rows, int64_t heads, std::span<const Claim> claims) {
  std::vector<Rectangle> claimed;
  for (const Claim& claim : claims) claimed.push_back({listed(claim.rows, rows), listed(claim.heads, heads)});
  std::vector<Rectangle> rectangles = kept_together(claimed, claims);

  // What is left, row by row: its heads by what acts on them. Rows with the same heads and actors join.
  std::map<std::pair<Indices, std::vector<size_t>>, Indices> joined;
  for (int64_t r = 0; r < rows; ++r) {
    std::map<std::vector<size_t>, Indices> by_actors;
    for (int64_t h = 0; h < heads; ++h) {
      if (std::any_of(rectangles.begin(), rectangles.end(),
                      [&](const Rectangle& block) { return holds(block.rows, r) && holds(block.heads, h); }))
        continue;
      std::vector<size_t> actors;
      for (size_t i = 0; i < claimed.size(); ++i) {
        if (holds(claimed[i].rows, r) && holds(claimed[i].heads, h)) actors.push_back(i);
      }
      by_actors[actors].push_back(h);
    }
    for (const auto& [actors, of_heads] : by_actors) joined[{of_heads, actors}].push_back(r);
  }
  for (const auto& [key, of_rows] : joined) rectangles.push_back({of_rows, key.first});

  std::vector<Part> parts;
  for (const Rectangle& rectangle : rectangles) {
    Part part{shortened(rectangle.rows, rows), shortened(rectangle.heads, heads), {}};
    for (size_t i = 0; i < claimed.size(); ++i) {
      if (claimed[i].meets(rectangle)) part.acting.push_back(i);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

at::Tensor Selection::take(const at::Tensor& tensor) const { return pick(pick(tensor, 0, rows_), 2, heads_); }

void Selection::put(const at::Tensor& target, const at::Tensor& part) const {
  if (rows_.empty()) return put_into(target, 2, heads_, part);
  if (even_step(rows_)) return put_into(pick(target, 0, rows_), 2, heads_, part);
  for (size_t i = 0; i < rows_.size(); ++i)
    put_into(target.narrow(0, rows_[i], 1), 2, heads_, part.narrow(0, static_cast<int64_t>(i), 1));
}

at::Tensor Selection::take_keys(const at::Tensor& tensor, int64_t shared) const {
  const at::Tensor of_rows = pick(tensor, 0, rows_);
  if (heads_.empty() || shared == 1 || tensor.size(2) == 1) return pick(of_rows, 2, heads_);
  Indices each;
  for (const int64_t head : heads_) each.push_back(head / shared);
  Indices distinct = each;
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  const size_t times = each.size() / distinct.size();
  bool even = each.size() % distinct.size() == 0;
  for (size_t i = 0; even && i < each.size(); ++i) even = each[i] == distinct[i / times];
  return even ? pick(of_rows, 2, distinct)
              : of_rows.index_select(2,
                                     at::tensor(each, at::TensorOptions(at::kLong).device(tensor.device())));
}

NarrowCall::NarrowCall(const Call& call, const Selection& selection) : call_(call) {
  if (selection.rows().empty() || call.rows.empty()) {
    rows_.assign(call.rows.begin(), call.rows.end());
  } else {
    for (const int64_t r : selection.rows()) rows_.push_back(call.rows[static_cast<size_t>(r)]);
  }
  if (selection.heads().empty()) {
    heads_.assign(call.heads.begin(), call.heads.end());
  } else {
    for (const int64_t h : selection.heads())
      heads_.push_back(call.heads.empty() ? h : call.heads[static_cast<size_t>(h)]);
  }
  call_.rows = rows_, call_.heads = heads_;
  const int64_t shared = heads_per_key(call);
  call_.q = selection.take(call.q);
  call_.k = selection.take_keys(call.k, shared), call_.v = selection.take_keys(call.v, shared);
  const auto narrowed = [&](at::Tensor& t) {
    if (t.defined()) t = selection.take(t);
  };
  narrowed(call_.positions), narrowed(call_.visible.query_order), narrowed(call_.visible.key_order);
  narrowed(call_.visible.key_bias);
  if (call_.key_positions.defined()) call_.key_positions = selection.take_keys(call.key_positions, shared);
  if (call_.bias.defined()) {
    while (call_.bias.dim() < 5) call_.bias = call_.bias.unsqueeze(0);
    narrowed(call_.bias);
  }
  const auto of_rows = [&](at::Tensor& t) {
    if (t.defined()) t = pick(t, 0, selection.rows());
  };
  of_rows(call_.hidden), of_rows(call_.visible.own_key), of_rows(call_.visible.key_lengths);
}

namespace {

/// Writes a changed part back; dimensions that were shared are spread out first.
void put_back(at::Tensor& whole, const Selection& selection, const at::Tensor& part,
              const at::Tensor& neutral, int64_t rows, int64_t heads) {
  const at::Tensor from = whole.defined() ? whole : neutral;
  std::vector<int64_t> sizes;
  for (int64_t dim = 0; dim < part.dim(); ++dim) sizes.push_back(std::max(from.size(dim), part.size(dim)));
  if (!selection.rows().empty()) sizes[0] = rows;
  if (!selection.heads().empty()) sizes[2] = heads;
  whole = from.expand(sizes).clone();
  selection.put(whole, part.expand(selection.take(whole).sizes()));
}

bool changed(const at::Tensor& was, const at::Tensor& is) { return is.defined() && !is.is_same(was); }

at::Tensor each_head(const at::Tensor& keys, int64_t shared) {
  return shared == 1 ? keys : keys.repeat_interleave(shared, 2);
}

void put_keys(Call& call, const Selection& selection, const Call& before, const Call& after) {
  const int64_t rows = call.q.size(0), heads = call.q.size(2);
  const int64_t shared = heads_per_key(call), part_shared = heads_per_key(after);
  const bool groups = whole_groups(selection.heads(), shared);
  Indices key_heads;
  for (const int64_t head : selection.heads()) {
    if (groups && head % shared == 0) key_heads.push_back(head / shared);
  }
  const Selection chosen(selection.rows(), groups ? key_heads : selection.heads());
  const auto put = [&](at::Tensor& whole, const at::Tensor& was, const at::Tensor& is) {
    if (!groups) whole = each_head(whole, shared);
    if (changed(was, is)) {
      put_back(whole, chosen, groups ? is : each_head(is, part_shared), {}, rows,
               groups ? heads / shared : heads);
    }
  };
  put(call.k, before.k, after.k), put(call.v, before.v, after.v);
}

}  // namespace

Indices in_groups(const Indices& chosen, int64_t heads, int64_t shared) {
  Indices all;
  for (int64_t head = 0; head < heads && !chosen.empty(); ++head) {
    const auto first = std::lower_bound(chosen.begin(), chosen.end(), head / shared * shared);
    if (first != chosen.end() && *first / shared == head / shared) all.push_back(head);
  }
  return shortened(std::move(all), heads);
}

Indices places_in(const Indices& list, const Indices& some) {
  if (list.empty()) return some;
  Indices places;
  for (size_t i = 0; i < list.size(); ++i) {
    if (holds(some, list[i])) places.push_back(static_cast<int64_t>(i));
  }
  return places;
}

bool whole_groups(const Indices& heads, int64_t shared) {
  return std::all_of(heads.begin(), heads.end(), [&](int64_t head) {
    for (int64_t i = 0; i < shared; ++i) {
      if (!holds(heads, head / shared * shared + i)) return false;
    }
    return true;
  });
}

void put_inputs(Call& call, const Selection& selection, const Call& before, const Call& after) {
  if (after.rotary != before.rotary || after.visible.causal != before.visible.causal ||
      after.k.size(3) != before.k.size(3) || !after.visible.key_lengths.is_same(before.visible.key_lengths) ||
      !after.visible.own_key.is_same(before.visible.own_key) ||
      !after.key_positions.is_same(before.key_positions)) {
    throw std::invalid_argument("[attention] at " + call.site.path +
                                " an edit of some rows or heads changes the rotary, the causal mask or the "
                                "number of keys, while another edit needs all of them in one call; give both "
                                "the same selector");
  }
  const int64_t rows = call.q.size(0), heads = call.q.size(2);
  at::Tensor q = after.q;
  if (scale_of(after) != scale_of(before)) q = q * (scale_of(after) / scale_of(before));
  if (changed(before.k, after.k) || changed(before.v, after.v)) put_keys(call, selection, before, after);
  if (changed(before.q, q)) put_back(call.q, selection, q, {}, rows, heads);
  at::Tensor bias = after.bias;
  for (at::Tensor* t : {&bias, &call.bias}) {
    while (t->defined() && t->dim() < 5) *t = t->unsqueeze(0);
  }
  // What is absent adds nothing and hides nothing: zeros stand for it, where another part has something.
  const auto put = [&](at::Tensor& whole, const at::Tensor& was, const at::Tensor& is) {
    if (is.is_same(was)) return;
    const at::Tensor& some = is.defined() ? is : was;
    const at::Tensor nothing = at::zeros(std::vector<int64_t>(size_t(some.dim()), 1), some.options());
    put_back(whole, selection, is.defined() ? is : nothing, nothing, rows, heads);
  };
  put(call.positions, before.positions, after.positions);
  put(call.bias, before.bias, bias);
  put(call.visible.query_order, before.visible.query_order, after.visible.query_order);
  put(call.visible.key_order, before.visible.key_order, after.visible.key_order);
  put(call.visible.key_bias, before.visible.key_bias, after.visible.key_bias);
}

}  // namespace reel::attention
