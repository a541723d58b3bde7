// The part of an attention call that an edit is shown: selected rows and heads.
#pragma once

#include <vector>

#include "attention/call.h"
#include "attention/selector.h"

namespace reel::attention {

/// A view of `tensor` [R, G, heads, ...] with only the chosen rows and heads (empty: all), and how to put it
/// back. Contiguous choices are views, so that in-place edits reach the original; others are copied and
/// written back. Refers to the two lists: they must outlive it.
class Selection {
 public:
  Selection(const std::vector<int64_t>& rows, const std::vector<int64_t>& heads)
      : rows_(rows), heads_(heads) {}

  bool all() const { return rows_.empty() && heads_.empty(); }
  at::Tensor take(const at::Tensor& tensor) const;
  /// Rows only, for tensors without heads.
  at::Tensor take_rows(const at::Tensor& tensor) const;
  /// Writes `part` (shaped as take(target)) into `target`.
  void put(const at::Tensor& target, const at::Tensor& part) const { put(target, part, 0); }

 private:
  void put(const at::Tensor& target, const at::Tensor& part, int level) const;
  const std::vector<int64_t>&rows_, &heads_;
};

/// The rows that a selector chooses: empty and true for all of them, false for none.
bool choose_rows(const Selector& where, std::span<const Row> rows, std::vector<int64_t>& chosen);

/// Where the `wanted` heads of a site (empty: all) lie in a call that has the heads `scope` (empty: all):
/// their positions, empty and true for all of the call's, false for none.
bool choose_heads(const std::vector<int64_t>& wanted, const std::vector<int64_t>& scope,
                  std::vector<int64_t>& positions);

/// The call narrowed to selected rows and heads; `rows` must outlive it.
Call narrow(const Call& call, const Selection& selection, const std::vector<Row>& rows);

/// The chosen rows (empty: all).
std::vector<Row> rows_of(std::span<const Row> rows, const std::vector<int64_t>& chosen);

}  // namespace reel::attention
