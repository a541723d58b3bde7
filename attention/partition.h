// How an attention call is cut into the parts that edits see: rectangles of batch rows and heads.
#pragma once

#include <span>
#include <vector>

#include "attention/call.h"

namespace reel::attention {

using Indices = std::vector<int64_t>;  // ascending positions in a dimension; empty: all of it

/// The rows and heads that an edit selects of a call.
struct Claim {
  Indices rows, heads;
  bool whole = false;  // the edit relates rows or heads to one another, and needs them in one part
};

/// A rectangle of rows and heads, and the claims that act on it, in their order. Unless a `whole` claim acts on
/// a part, every claim that acts on it selects all of it.
struct Part {
  Indices rows, heads;
  std::vector<size_t> acting;
  bool all() const { return rows.empty() && heads.empty(); }
};

/// Cuts `rows` x `heads` into disjoint parts: rows and heads with the same claims stay together, and so does
/// all that a `whole` claim selects. Together the parts hold every row and head once.
std::vector<Part> parts_of(int64_t rows, int64_t heads, std::span<const Claim> claims);

/// A view of `tensor` [R, G, heads, ...] with only the chosen rows and heads, and how to put it back. A
/// dimension of size one is shared by all rows (or heads) and stays. Choices at even distances are views, so
/// that in-place changes reach the original; others are copies. Refers to the two lists.
class Selection {
 public:
  Selection(const Indices& rows, const Indices& heads) : rows_(rows), heads_(heads) {}

  bool all() const { return rows_.empty() && heads_.empty(); }
  at::Tensor take(const at::Tensor& tensor) const;
  /// Writes `part`, shaped as take(target), into `target`, which has all rows and heads.
  void put(const at::Tensor& target, const at::Tensor& part) const;
  /// Keys and values [R, G, key heads, ...] of the chosen query heads, of which `shared` read one key head.
  at::Tensor take_keys(const at::Tensor& tensor, int64_t shared) const;
  const Indices& rows() const { return rows_; }
  const Indices& heads() const { return heads_; }

 private:
  const Indices &rows_, &heads_;
};

/// A call with only the chosen rows and heads; it holds what the narrowed call refers to.
class NarrowCall {
 public:
  NarrowCall(const Call& call, const Selection& selection);
  NarrowCall(const NarrowCall&) = delete;
  NarrowCall& operator=(const NarrowCall&) = delete;
  Call& call() { return call_; }

 private:
  std::vector<Row> rows_;
  Indices heads_;
  Call call_;
};

/// Takes over into `call` what a hook changed in a narrowed copy of it: `before` is the copy as it was, `after`
/// as the hook left it. For edits that see only a part of what another edit keeps together. A changed scale is
/// multiplied into the part's q; query heads that share a key head get keys of their own if keys changed for
/// some of them.
/// Throws: std::invalid_argument for a change that a part of a call cannot have (another rotary, causal mask
/// or number of keys).
void put_inputs(Call& call, const Selection& selection, const Call& before, const Call& after);

/// The chosen of `heads` query heads with all that share a key head with one of them, `shared` each. Empty: all.
Indices in_groups(const Indices& chosen, int64_t heads, int64_t shared);

/// Where the members of `some` stand in `list`, which holds them; an empty list is 0, 1, 2, ...
Indices places_in(const Indices& list, const Indices& some);

/// Whether the chosen query heads are whole groups of `shared` neighbours, which read one key head each.
bool whole_groups(const Indices& heads, int64_t shared);

}  // namespace reel::attention
