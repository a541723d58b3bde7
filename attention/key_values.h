// The key-value cache of one attention layer.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <span>
#include <vector>

#include "attention/call.h"

namespace reel::attention {

/// Keys (rotated) and values of one layer for a number of sequences, by Sequence::id. Memory grows in blocks of
/// tokens; sequences lie side by side, so that the rows of a batch are a view if they were first appended
/// together and in this order. Keys are appended by the processor, between rotary and logits.
class KeyValues {
 public:
  static constexpr int64_t kBlock = 256;  // tokens by which memory grows

  /// Appends k, v [R, 1, key heads, n, d], of the sequences that `rows` point to. The first append decides on
  /// the number of key heads, widths, dtype and device.
  /// Throws: std::invalid_argument if a row has no sequence, two rows have the same one, or shapes differ
  /// from what the cache holds.
  void append(std::span<const Row> rows, const at::Tensor& k, const at::Tensor& v);

  /// What the cache holds of the sequences of `rows`.
  struct View {
    at::Tensor k, v;               // [R, 1, key heads, T, d], T: the longest; a view if rows lie side by side
    std::vector<int64_t> lengths;  // [R] tokens; those of a shorter row end before T
  };
  View view(std::span<const Row> rows) const;
  /// Whether the rows hold equally many tokens and lie side by side in this order, so that view() copies nothing.
  bool is_view(std::span<const Row> rows) const;

  /// Tokens held of a sequence; 0 if there are none.
  int64_t length(uint64_t sequence) const;
  /// Lets the sequence `to` begin as a copy of `from` (beams, several answers to one prompt).
  /// Throws: std::invalid_argument if `from` is not here, or `to` is.
  void fork(uint64_t from, uint64_t to);
  /// A cache of its own that holds what this one does of the sequences of `rows`.
  KeyValues copy_of(std::span<const Row> rows) const;
  /// Forgets a sequence; its place is used again.
  void drop(uint64_t sequence);
  /// Bytes of memory that are taken, used or not.
  int64_t bytes() const;

 private:
  struct Slot {
    int64_t place = 0, length = 0;
  };
  int64_t free_places(int64_t count) const;
  Slot& settle(uint64_t sequence, int64_t place);
  void reserve(int64_t places, int64_t tokens);

  at::Tensor k_, v_;  // [places, key heads, capacity, d]
  std::map<uint64_t, Slot> slots_;
  std::vector<bool> taken_;  // places
};

/// Gives keys the positions of queries, unless they have their own. Query heads that share a key head must agree;
/// without a cache each gets keys of its own otherwise.
/// Throws: std::invalid_argument if they differ and keys are cached.
void place_keys(Call& call);

/// The keys of the call as they are cached: turned to their positions.
at::Tensor turned_keys(const Call& call);

/// Appends keys and values to the call's cache, and puts all that it holds of the rows in their place. Returns
/// whether rows differ in length; the call's `visible` says so then, in tensors on the host.
bool take_from_cache(Call& call, const at::Tensor& turned_k, const at::Tensor& v);

/// Refuses an edit that `what` (moves the keys, changes its keys) for some of the heads that share a key head.
[[noreturn]] void refuse_shared_keys(const Call& call, const char* what);

}  // namespace reel::attention
