#include "guidance/guiders/cfg.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/std.h>
#include <c10/util/StringUtil.h>

#include <cmath>
#include <numeric>
#include <stdexcept>

namespace reel::guidance {
namespace {

/// `count` rows of a condition from `first` on.
models::Conditioning rows_of(const models::Conditioning& condition, int64_t first, int64_t count) {
  models::Conditioning part = condition;
  part.projected_context.reset();  // it has all rows
  for (at::Tensor* tensor : {&part.context, &part.timesteps, &part.pooled, &part.time_ids, &part.guidance}) {
    if (tensor->defined()) *tensor = tensor->narrow(0, first, count);
  }
  part.rows.assign(condition.rows.begin() + first, condition.rows.begin() + first + count);
  return part;
}

/// Standard deviation of each batch row, [R, 1, ...].
at::Tensor row_deviation(const at::Tensor& tensor) {
  std::vector<int64_t> dims(tensor.dim() - 1);
  std::iota(dims.begin(), dims.end(), 1);
  return at::std(tensor, dims, /*unbiased=*/true, /*keepdim=*/true);
}

}  // namespace

Cfg::Cfg(models::Denoiser& inner, CfgOptions options) : inner_(inner), options_(options) {
  if (!std::isfinite(options.scale) || options.scale < 0) {
    throw std::invalid_argument(c10::str("[guidance] the scale must be a number of at least 0, got ",
                                         options.scale, "; 7.5 is usual, 1 switches guidance off"));
  }
  if (!(options.rescale >= 0 && options.rescale <= 1)) {
    throw std::invalid_argument(c10::str("[guidance] the rescale factor must lie in 0 to 1, got ",
                                         options.rescale, "; 0 switches it off, 0.7 is usual"));
  }
}

at::Tensor Cfg::predict(const at::Tensor& latent, const Step& step, const models::Conditioning& condition,
                        attention::Processor& attend) {
  const int64_t rows = latent.size(0), given = condition.context.size(0);
  const bool guided = options_.scale > 1;
  bool fits = static_cast<int64_t>(condition.rows.size()) == given &&
              (given == 2 * rows || (given == rows && !guided));
  for (int64_t r = 0; fits && r < given; ++r) fits = condition.rows[r].conditional == (r >= given - rows);
  if (!fits) {
    throw std::invalid_argument(c10::str("[guidance] ", rows, " latent rows need ", rows,
                                         " unconditional contexts and then ", rows, " conditional ones, got ",
                                         given, " contexts and ", condition.rows.size(),
                                         " row descriptions in this or another order; stack them so"));
  }
  if (!guided) {
    return inner_.predict(latent, step, given == rows ? condition : rows_of(condition, rows, rows), attend);
  }
  at::Tensor without, with;
  if (options_.two_passes) {
    // Conditional first: an edit may measure this half and apply the result to both.
    with = inner_.predict(latent, step, rows_of(condition, rows, rows), attend);
    without = inner_.predict(latent, step, rows_of(condition, 0, rows), attend);
  } else {
    const at::Tensor both = inner_.predict(at::cat({latent, latent}), step, condition, attend);
    without = both.narrow(0, 0, rows);
    with = both.narrow(0, rows, rows);
  }
  const at::Tensor guided_answer = without + (with - without) * options_.scale;
  if (options_.rescale == 0) return guided_answer;
  // A constant prediction has no deviation to restore: the floor keeps it, instead of dividing 0 by 0.
  const at::Tensor ratio = row_deviation(with) / row_deviation(guided_answer).clamp_min(1e-30);
  return guided_answer * ratio * options_.rescale + guided_answer * (1 - options_.rescale);
}

}  // namespace reel::guidance
