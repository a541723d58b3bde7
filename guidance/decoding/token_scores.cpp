#include "guidance/decoding/token_scores.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <limits>
#include <set>

namespace reel::guidance {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

void penalise(at::Tensor& scores, std::span<const int64_t> ids, double penalty) {
  float* values = scores.mutable_data_ptr<float>();
  const auto factor = static_cast<float>(penalty);
  for (const int64_t id : std::set<int64_t>(ids.begin(), ids.end())) {
    if (id < 0 || id >= scores.numel()) continue;
    values[id] = values[id] < 0 ? values[id] * factor : values[id] / factor;
  }
}

}  // namespace

at::Tensor processed_scores(const at::Tensor& scores, std::span<const int64_t> ids,
                            const DecodeSettings& settings) {
  at::Tensor result = scores;
  if (settings.repetition_penalty != 1) {
    result = result.clone();
    penalise(result, ids, settings.repetition_penalty);
  }
  if (settings.temperature <= 0) return result;
  if (settings.temperature != 1) result = result / settings.temperature;
  if (settings.top_k > 0) {
    const int64_t kept = std::min(settings.top_k, result.numel());
    const at::Tensor least = std::get<0>(at::topk(result, kept))[kept - 1];
    result = result.masked_fill(result < least, kNever);
  }
  if (settings.top_p < 1) {
    const auto [sorted, order] = at::sort(result);
    at::Tensor removed = at::cumsum(at::softmax(sorted, -1), -1) <= 1 - settings.top_p;
    removed[-1] = false;
    result = result.masked_fill(at::empty_like(removed).scatter_(0, order, removed), kNever);
  }
  return result;
}

int64_t most_likely(const at::Tensor& scores) {
  const at::Tensor dense = scores.contiguous();
  const float* values = dense.const_data_ptr<float>();
  return std::max_element(values, values + dense.numel()) - values;
}

int64_t drawn(const at::Tensor& scores, std::mt19937_64& generator) {
  const at::Tensor chances = at::softmax(scores, -1).to(at::kDouble).contiguous();
  const double* values = chances.const_data_ptr<double>();
  double total = 0;
  for (int64_t i = 0; i < chances.numel(); ++i) total += values[i];
  // 53 bits: what a double holds, and the same on every machine.
  double left = double(generator() >> 11) * 0x1p-53 * total;
  int64_t last = 0;
  for (int64_t i = 0; i < chances.numel(); ++i) {
    if (values[i] <= 0) continue;
    last = i;
    if (left < values[i]) return i;
    left -= values[i];
  }
  return last;
}

}  // namespace reel::guidance
