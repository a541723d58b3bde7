#include "attention/key_values.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace reel::attention {
namespace {

uint64_t id_of(const Row& row) {
  if (!row.sequence) {
    throw std::invalid_argument(
        "[cache] a row without a sequence cannot be cached; point Row::sequence to its request");
  }
  return row.sequence->id;
}

int64_t in_blocks(int64_t tokens) {
  return (tokens + KeyValues::kBlock - 1) / KeyValues::kBlock * KeyValues::kBlock;
}

}  // namespace

void KeyValues::reserve(int64_t places, int64_t tokens) {
  const int64_t now = k_.size(0), capacity = k_.size(2);
  if (places <= now && tokens <= capacity) return;
  const int64_t more_places = std::max(now, places), more_tokens = std::max(capacity, in_blocks(tokens));
  for (at::Tensor* t : {&k_, &v_}) {
    // Zeros: attention multiplies what lies behind a shorter row by 0, which no number would survive.
    at::Tensor grown = at::zeros({more_places, t->size(1), more_tokens, t->size(3)}, t->options());
    if (now > 0 && capacity > 0) grown.narrow(0, 0, now).narrow(2, 0, capacity).copy_(*t);
    *t = grown;  // one of the two at a time is in memory twice
  }
  taken_.resize(static_cast<size_t>(more_places), false);
}

/// The first of `count` free places side by side; the last of them may lie behind the memory that there is.
int64_t KeyValues::free_places(int64_t count) const {
  int64_t run = 0;
  for (size_t place = 0; place < taken_.size(); ++place) {
    run = taken_[place] ? 0 : run + 1;
    if (run == count) return static_cast<int64_t>(place) + 1 - count;
  }
  return static_cast<int64_t>(taken_.size()) - run;
}

KeyValues::Slot& KeyValues::settle(uint64_t sequence, int64_t place) {
  taken_[static_cast<size_t>(place)] = true;
  return slots_[sequence] = {place, 0};
}

void KeyValues::append(std::span<const Row> rows, const at::Tensor& k, const at::Tensor& v) {
  const auto count_of_rows = static_cast<int64_t>(rows.size());
  const bool alike = k.dim() == 5 && v.dim() == 5 && k.size(0) == count_of_rows && k.size(1) == 1 &&
                     k.sizes().slice(0, 4) == v.sizes().slice(0, 4);
  const bool first = !k_.defined();
  if (!alike || (!first && (k.size(2) != k_.size(1) || k.size(4) != k_.size(3) || v.size(4) != v_.size(3)))) {
    throw std::invalid_argument(c10::str("[cache] keys must be [", rows.size(), ", 1, ",
                                         first ? "key heads" : std::to_string(k_.size(1)), ", n, ",
                                         first ? "d" : std::to_string(k_.size(3)),
                                         "] with values alike, got ", k.sizes(), " and ", v.sizes()));
  }
  std::set<uint64_t> ids;
  int64_t longest = 0, added = 0;
  for (const Row& row : rows) {
    if (!ids.insert(id_of(row)).second)
      throw std::invalid_argument("[cache] two rows of a call belong to sequence " +
                                  std::to_string(row.sequence->id) + "; give each row a sequence of its own");
    longest = std::max(longest, length(row.sequence->id));
    added += slots_.count(row.sequence->id) ? 0 : 1;
  }
  const int64_t count = k.size(3);
  if (first) {
    k_ = at::empty({0, k.size(2), 0, k.size(4)}, k.options());
    v_ = at::empty({0, v.size(2), 0, v.size(4)}, v.options());
  }
  int64_t place = free_places(added);
  reserve(place + added, longest + count);
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto found = slots_.find(rows[r].sequence->id);
    Slot& slot = found != slots_.end() ? found->second : settle(rows[r].sequence->id, place++);
    const auto row = static_cast<int64_t>(r);
    k_.select(0, slot.place).narrow(1, slot.length, count).copy_(k.select(0, row).select(0, 0));
    v_.select(0, slot.place).narrow(1, slot.length, count).copy_(v.select(0, row).select(0, 0));
    slot.length += count;
  }
}

KeyValues::View KeyValues::view(std::span<const Row> rows) const {
  View view;
  std::vector<int64_t> places;
  int64_t longest = 0;
  for (const Row& row : rows) {
    const auto found = slots_.find(id_of(row));
    if (found == slots_.end())
      throw std::invalid_argument("[cache] it holds nothing of sequence " + std::to_string(row.sequence->id));
    places.push_back(found->second.place), view.lengths.push_back(found->second.length);
    longest = std::max(longest, found->second.length);
  }
  bool neighbours = true;
  for (size_t r = 1; r < places.size(); ++r) neighbours = neighbours && places[r] == places[r - 1] + 1;
  const auto of_rows = [&](const at::Tensor& t) {
    const at::Tensor held = t.narrow(2, 0, longest);
    return (neighbours
                ? held.narrow(0, places.front(), static_cast<int64_t>(places.size()))
                : held.index_select(0, at::tensor(places, at::TensorOptions(at::kLong).device(t.device()))))
        .unsqueeze(1);
  };
  view.k = of_rows(k_), view.v = of_rows(v_);
  return view;
}

bool KeyValues::is_view(std::span<const Row> rows) const {
  const Slot* last = nullptr;
  for (const Row& row : rows) {
    const auto found = slots_.find(id_of(row));
    if (found == slots_.end()) return false;
    const Slot& slot = found->second;
    if (last && (slot.place != last->place + 1 || slot.length != last->length)) return false;
    last = &slot;
  }
  return true;
}

int64_t KeyValues::length(uint64_t sequence) const {
  const auto found = slots_.find(sequence);
  return found == slots_.end() ? 0 : found->second.length;
}

void KeyValues::fork(uint64_t from, uint64_t to) {
  if (!slots_.count(from) || slots_.count(to)) {
    throw std::invalid_argument("[cache] sequence " + std::to_string(slots_.count(from) ? to : from) +
                                (slots_.count(from) ? " is here already" : " is not here") +
                                "; a fork copies a sequence that is here to one that is not");
  }
  const Slot source = slots_.at(from);
  const int64_t place = free_places(1);
  reserve(place + 1, 0);
  Slot& target = settle(to, place);
  target.length = source.length;
  for (const at::Tensor& t : {k_, v_}) {
    t.select(0, target.place)
        .narrow(1, 0, source.length)
        .copy_(t.select(0, source.place).narrow(1, 0, source.length));
  }
}

KeyValues KeyValues::copy_of(std::span<const Row> rows) const {
  KeyValues copy;
  for (const Row& row : rows) {
    const auto found = slots_.find(id_of(row));
    if (found == slots_.end()) continue;
    const auto held = [&slot = found->second](const at::Tensor& t) {
      return t.narrow(0, slot.place, 1).narrow(2, 0, slot.length).unsqueeze(1);
    };
    copy.append({&row, 1}, held(k_), held(v_));
  }
  return copy;
}

void KeyValues::drop(uint64_t sequence) {
  const auto found = slots_.find(sequence);
  if (found == slots_.end()) return;
  taken_[static_cast<size_t>(found->second.place)] = false;
  for (const at::Tensor& t : {k_, v_}) t.select(0, found->second.place).zero_();
  slots_.erase(found);
}

int64_t KeyValues::bytes() const {
  return k_.defined() ? static_cast<int64_t>(k_.nbytes() + v_.nbytes()) : 0;
}

at::Tensor turned_keys(const Call& call) {
  return call.rotary && call.key_positions.defined() ? turned_to(call, call.k, call.key_positions) : call.k;
}

void refuse_shared_keys(const Call& call, const char* what) {
  throw std::invalid_argument("[attention] at " + call.site.path +
                              " several query heads share a cached key head, and an edit " + what +
                              " for some of them; select whole groups of heads with heads=");
}

void place_keys(Call& call) {
  if (!call.rotary || !call.positions.defined() || call.key_positions.defined()) return;
  call.key_positions = call.positions;
  const int64_t shared = heads_per_key(call);
  if (shared == 1 || call.positions.size(2) == 1) return;
  const at::Tensor each = call.positions.unflatten(2, {-1, shared}), first = each.select(3, 0);
  if (at::equal(each, first.unsqueeze(3).expand_as(each))) {
    call.key_positions = first;
  } else if (call.cache) {
    refuse_shared_keys(call, "moves the keys");
  } else {
    call.k = call.k.repeat_interleave(shared, 2), call.v = call.v.repeat_interleave(shared, 2);
  }
}

bool take_from_cache(Call& call, const at::Tensor& turned_k, const at::Tensor& v) {
  KeyValues& cache = *call.cache;
  cache.append(call.rows, turned_k, v);
  const KeyValues::View view = cache.view(call.rows);
  const int64_t added = turned_k.size(3), rows = turned_k.size(0);
  call.k = view.k, call.v = view.v, call.cache = nullptr;
  call.key_positions.reset();
  const bool ragged = std::any_of(view.lengths.begin(), view.lengths.end(),
                                  [&](int64_t length) { return length != view.lengths.front(); });
  if (!ragged) return false;
  const auto lengths = at::tensor(view.lengths, at::kLong);
  call.visible.key_lengths = lengths.view({rows, 1});
  if (call.visible.causal) call.visible.own_key = lengths - added;
  return true;
}

}  // namespace reel::attention
