#include "app/eval/captions/caption_eval_report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "app/eval/eval_report.h"

namespace reel::app {
namespace {

using evaluation::UnitMetric;
using nlohmann::json;

constexpr size_t kLabel = 38, kCell = 30;

json finite_json(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json numbers_json(const world::Estimate& estimate) {
  return {{"value", finite_json(estimate.value)},
          {"low", finite_json(estimate.low)},
          {"high", finite_json(estimate.high)},
          {"count", estimate.count}};
}

std::string metric_row(const UnitMetric& metric, size_t units, const UnitMetric* before) {
  const EvalMetric form{.scale = metric.scale, .digits = metric.digits};
  const world::Estimate own = evaluation::estimate(metric, units);
  if (own.count == 0) return "  " + metric.label + ": none\n";
  char count[32];
  std::snprintf(count, sizeof count, "%6lld", static_cast<long long>(own.count));
  std::string text =
      padded("  " + metric.label, kLabel) + count + padded("  " + estimate_text(own, form, false), kCell);
  if (before) text += estimate_text(evaluation::difference(*before, metric, units), form, true);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string variant_title(const std::vector<std::string>& edits) {
  std::string text;
  for (const std::string& edit : edits) text += (text.empty() ? "" : " ") + edit;
  return text.empty() ? "unedited" : text;
}

}  // namespace

std::string metric_table(const std::vector<VariantMetrics>& variants) {
  std::string text;
  for (size_t v = 0; v < variants.size(); ++v) {
    const bool edited = !variants[v].edits.empty() || variants.size() > 1;
    text += "\n" + padded(edited ? variant_title(variants[v].edits) : "", kLabel) + "     n     value";
    if (v > 0) text += padded("", kCell - 10) + "difference to " + variant_title(variants[0].edits);
    text += "\n";
    for (size_t g = 0; g < variants[v].groups.size(); ++g) {
      const MetricGroup& group = variants[v].groups[g];
      if (!group.title.empty()) text += group.title + "\n";
      for (size_t m = 0; m < group.metrics.size(); ++m)
        text +=
            metric_row(group.metrics[m], group.units, v > 0 ? &variants[0].groups[g].metrics[m] : nullptr);
    }
  }
  return text;
}

std::string metric_json(const std::string& facts, const std::vector<VariantMetrics>& variants) {
  nlohmann::ordered_json document = nlohmann::ordered_json::parse(facts);
  json all = json::array();
  for (size_t v = 0; v < variants.size(); ++v) {
    json one = {{"edits", variants[v].edits}, {"results", json::object()}};
    for (size_t g = 0; g < variants[v].groups.size(); ++g) {
      const MetricGroup& group = variants[v].groups[g];
      for (size_t m = 0; m < group.metrics.size(); ++m) {
        const UnitMetric& metric = group.metrics[m];
        const std::string key = (group.key.empty() ? "" : group.key + ".") + metric.key;
        one["results"][key] = numbers_json(evaluation::estimate(metric, group.units));
        if (v > 0)
          one["difference"][key] =
              numbers_json(evaluation::difference(variants[0].groups[g].metrics[m], metric, group.units));
      }
    }
    all.push_back(std::move(one));
  }
  document["variants"] = all;
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace reel::app
