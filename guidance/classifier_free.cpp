#include "guidance/classifier_free.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/std.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace reel::guidance {
namespace {

/// `count` rows of a condition from `first` on.
models::Conditioning rows_of(const models::Conditioning& condition, int64_t first, int64_t count) {
  models::Conditioning part = condition;
  for (at::Tensor* tensor : {&part.context, &part.timesteps, &part.pooled, &part.time_ids, &part.guidance}) {
    if (tensor->defined()) *tensor = tensor->narrow(0, first, count);
  }
  part.rows.assign(condition.rows.begin() + first, condition.rows.begin() + first + count);
  return part;
}

/// The states of the inner network, one for each of its calls per step.
struct ClassifierFreeState : models::DenoiserState {
  int64_t rows = 0;                                      // of the latent
  std::unique_ptr<models::DenoiserState> both;           // of all rows, in one pass
  std::unique_ptr<models::DenoiserState> with, without;  // of either half; without guidance, only `with`
  models::Conditioning conditional;                      // of the conditional half
};

[[noreturn]] void refuse_rows(int64_t rows, const models::Conditioning& condition) {
  throw std::invalid_argument(c10::str("[guidance] ", rows, " latent rows need ", rows,
                                       " unconditional contexts and then ", rows, " conditional ones, got ",
                                       condition.context.size(0), " contexts and ", condition.rows.size(),
                                       " row descriptions in this or another order; stack them so"));
}

/// Standard deviation of each batch row, [R, 1, ...].
at::Tensor row_deviation(const at::Tensor& tensor) {
  std::vector<int64_t> dims(tensor.dim() - 1);
  std::iota(dims.begin(), dims.end(), 1);
  return at::std(tensor, dims, /*unbiased=*/true, /*keepdim=*/true);
}

}  // namespace

ClassifierFree::ClassifierFree(const models::Denoiser& inner, ClassifierFreeOptions options)
    : inner_(inner), options_(options) {
  if (!std::isfinite(options.scale) || options.scale < 0) {
    throw std::invalid_argument(c10::str("[guidance] the scale must be a number of at least 0, got ",
                                         options.scale, "; 7.5 is usual, 1 switches guidance off"));
  }
  if (!(options.rescale >= 0 && options.rescale <= 1)) {
    throw std::invalid_argument(c10::str("[guidance] the rescale factor must lie in 0 to 1, got ",
                                         options.rescale, "; 0 switches it off, 0.7 is usual"));
  }
}

std::unique_ptr<models::DenoiserState> ClassifierFree::begin(const models::Conditioning& condition) const {
  const bool guided = options_.scale_at || options_.scale > 1;
  const int64_t given = condition.context.size(0);
  const int64_t rows = std::count_if(condition.rows.begin(), condition.rows.end(),
                                     [](const Row& row) { return row.conditional; });
  bool fits = static_cast<int64_t>(condition.rows.size()) == given &&
              (given == 2 * rows || (given == rows && !guided));
  for (int64_t r = 0; fits && r < given; ++r) fits = condition.rows[r].conditional == (r >= given - rows);
  if (!fits) refuse_rows(rows, condition);
  auto state = std::make_unique<ClassifierFreeState>();
  state->rows = rows;
  state->conditional = rows_of(condition, given - rows, rows);
  if (guided && !options_.two_passes) {
    state->both = inner_.begin(condition);
    return state;
  }
  state->with = inner_.begin(state->conditional);
  if (guided) state->without = inner_.begin(rows_of(condition, 0, rows));
  return state;
}

at::Tensor ClassifierFree::predict(const at::Tensor& latent, const Step& step, models::DenoiserState& given,
                                   attention::Processor& attend) const {
  auto& state = dynamic_cast<ClassifierFreeState&>(given);
  const int64_t rows = latent.size(0);
  if (rows != state.rows) {
    throw std::invalid_argument(c10::str("[guidance] the run has conditions of ", state.rows,
                                         " latent rows, got ", rows, "; begin one for each batch"));
  }
  const double scale = options_.scale_at ? options_.scale_at(step) : options_.scale;
  if (scale <= 1) {  // for this step, if the scale changes
    if (!state.with) state.with = inner_.begin(state.conditional);
    return inner_.predict(latent, step, *state.with, attend);
  }
  at::Tensor without, with;
  if (state.both) {
    const at::Tensor both = inner_.predict(at::cat({latent, latent}), step, *state.both, attend);
    without = both.narrow(0, 0, rows);
    with = both.narrow(0, rows, rows);
  } else {
    // Conditional first: an edit may measure this half and apply the result to both.
    with = inner_.predict(latent, step, *state.with, attend);
    without = inner_.predict(latent, step, *state.without, attend);
  }
  const at::Tensor guided_answer = without + (with - without) * scale;
  if (options_.rescale == 0) return guided_answer;
  // A constant prediction has no deviation to restore: the floor keeps it, instead of dividing 0 by 0.
  const at::Tensor ratio = row_deviation(with) / row_deviation(guided_answer).clamp_min(1e-30);
  return guided_answer * ratio * options_.rescale + guided_answer * (1 - options_.rescale);
}

}  // namespace reel::guidance
