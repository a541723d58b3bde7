#include "attention/call_part.h"

namespace reel::attention {
namespace {

bool contiguous(const std::vector<int64_t>& indices) {
  return indices.back() - indices.front() + 1 == static_cast<int64_t>(indices.size());
}
at::Tensor pick(const at::Tensor& tensor, int64_t dim, const std::vector<int64_t>& indices) {
  if (indices.empty()) return tensor;
  if (contiguous(indices)) return tensor.narrow(dim, indices.front(), static_cast<int64_t>(indices.size()));
  return tensor.index_select(dim, at::tensor(indices, at::TensorOptions(at::kLong).device(tensor.device())));
}

}  // namespace

at::Tensor Selection::take(const at::Tensor& tensor) const { return pick(pick(tensor, 0, rows_), 2, heads_); }

at::Tensor Selection::take_rows(const at::Tensor& tensor) const { return pick(tensor, 0, rows_); }

void Selection::put(const at::Tensor& target, const at::Tensor& part, int level) const {
  const std::vector<int64_t>& indices = level == 0 ? rows_ : heads_;
  const int64_t dim = level == 0 ? 0 : 2;
  if (level == 2 || (level == 1 && heads_.empty())) {
    if (!target.is_alias_of(part)) target.copy_(part);
    return;
  }
  if (indices.empty()) return put(target, part, level + 1);
  if (contiguous(indices)) return put(pick(target, dim, indices), part, level + 1);
  for (size_t i = 0; i < indices.size(); ++i) {
    put(target.narrow(dim, indices[i], 1), part.narrow(dim, static_cast<int64_t>(i), 1), level + 1);
  }
}

bool choose_rows(const Selector& where, std::span<const Row> rows, std::vector<int64_t>& chosen) {
  chosen.clear();
  for (size_t r = 0; r < rows.size(); ++r) {
    if (where.matches(rows[r])) chosen.push_back(static_cast<int64_t>(r));
  }
  if (chosen.empty()) return false;
  if (chosen.size() == rows.size()) chosen.clear();
  return true;
}

bool choose_heads(const std::vector<int64_t>& wanted, const std::vector<int64_t>& scope,
                  std::vector<int64_t>& positions) {
  positions.clear();
  if (wanted.empty()) return true;
  if (scope.empty()) {
    positions = wanted;
    return true;
  }
  for (size_t i = 0; i < scope.size(); ++i) {
    if (std::find(wanted.begin(), wanted.end(), scope[i]) != wanted.end())
      positions.push_back(static_cast<int64_t>(i));
  }
  if (positions.empty()) return false;
  if (positions.size() == scope.size()) positions.clear();
  return true;
}

Call narrow(const Call& call, const Selection& selection, const std::vector<Row>& rows) {
  Call part = call;
  part.rows = rows;
  part.q = selection.take(call.q), part.k = selection.take(call.k), part.v = selection.take(call.v);
  if (call.positions.defined()) part.positions = selection.take_rows(call.positions);
  if (call.hidden.defined()) part.hidden = selection.take_rows(call.hidden);
  if (call.bias.defined() && call.bias.dim() == 5) {
    at::Tensor full = call.bias.expand({call.q.size(0), -1, call.q.size(2), -1, -1});
    part.bias = selection.take(full);
  }
  return part;
}

std::vector<Row> rows_of(std::span<const Row> rows, const std::vector<int64_t>& chosen) {
  if (chosen.empty()) return {rows.begin(), rows.end()};
  std::vector<Row> result;
  for (const int64_t r : chosen) result.push_back(rows[static_cast<size_t>(r)]);
  return result;
}

}  // namespace reel::attention
