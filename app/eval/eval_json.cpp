#include "app/eval/eval_json.h"

#include <cmath>

#include "app/eval/eval_report.h"

namespace reel::app {
namespace {

using nlohmann::json;
using world::Estimate;

json number_json(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json estimate_json(const Estimate& estimate) {
  return {{"value", number_json(estimate.value)},
          {"low", number_json(estimate.low)},
          {"high", number_json(estimate.high)},
          {"count", estimate.count}};
}

json metrics_json(const Evaluation& evaluation, size_t variant,
                  Estimate (*take)(const Evaluation&, size_t metric, size_t variant)) {
  json results;
  const std::vector<EvalMetric>& metrics = evaluation.plan.subject->metrics();
  for (size_t m = 0; m < metrics.size(); ++m)
    results[metrics[m].key] = estimate_json(take(evaluation, m, variant));
  return results;
}

}  // namespace

nlohmann::json evaluation_facts(const Evaluation& evaluation) {
  const EvalOptions& options = evaluation.plan.options;
  json document = json::parse(evaluation.source);
  json& resolved = document["options"];
  resolved["prompts"] = evaluation.plan.subject->prompts(), resolved["seeds"] = options.seeds;
  resolved["seed"] = *options.common.seed;
  resolved.update(json::parse(evaluation.plan.subject->options_json()));
  document["videos"] = evaluation.rows.size();
  document["interrupted"] = evaluation.interrupted;
  document["seconds"] = {{"total", evaluation.seconds},
                         {"make_median", number_json(median_of(evaluation, &EvalRow::make_s))},
                         {"score_median", number_json(median_of(evaluation, &EvalRow::score_s))}};
  return document;
}

nlohmann::json results_json(const Evaluation& evaluation, size_t variant) {
  return metrics_json(evaluation, variant, estimate);
}

nlohmann::json differences_json(const Evaluation& evaluation, size_t variant) {
  return metrics_json(evaluation, variant, difference);
}

std::string evaluation_json(const Evaluation& evaluation) {
  const bool pairs = evaluation.plan.variants.size() > 1;
  json document = evaluation_facts(evaluation);
  document["results"] = results_json(evaluation, pairs ? 1 : 0);
  if (pairs) {
    document["unedited"] = results_json(evaluation, 0);
    document["difference"] = differences_json(evaluation, 1);
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace reel::app
