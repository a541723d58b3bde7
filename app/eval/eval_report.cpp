#include "app/eval/eval_report.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

namespace reel::app {
namespace {

using nlohmann::json;
using world::Estimate;

/// The values of one metric, prompt by prompt: videos of one prompt, and objects of one video, resemble each
/// other, and must not count as independent.
std::map<int, std::vector<double>> by_prompt(const Evaluation& evaluation, size_t metric, size_t variant) {
  std::map<int, std::vector<double>> groups;
  for (const EvalRow& row : evaluation.rows) {
    const std::vector<double>& values = row.score.values.at(metric);
    if (row.task.variant != variant || values.empty()) continue;
    std::vector<double>& group = groups[row.task.number];
    group.insert(group.end(), values.begin(), values.end());
  }
  return groups;
}

/// One prompt is one sample, which says nothing of how far others would lie from it.
Estimate without_interval(Estimate estimate) {
  estimate.low = estimate.high = std::nan("");
  return estimate;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

double median_of(const Evaluation& evaluation, double EvalRow::*member) {
  std::vector<double> values;
  for (const EvalRow& row : evaluation.rows) values.push_back(row.*member);
  if (values.empty()) return std::nan("");
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Estimate estimate(const Evaluation& evaluation, size_t metric, size_t variant) {
  std::vector<double> means;
  std::vector<world::Cluster> clusters;
  for (const auto& [number, values] : by_prompt(evaluation, metric, variant)) {
    means.push_back(mean(values));
    clusters.push_back({std::llround(means.back() * static_cast<double>(values.size())),
                        static_cast<int64_t>(values.size())});
  }
  const Estimate found = evaluation.plan.subject->metrics().at(metric).share ? world::proportion(clusters)
                                                                             : world::bootstrap_mean(means);
  return means.size() == 1 ? without_interval(found) : found;
}

Estimate difference(const Evaluation& evaluation, size_t metric, size_t variant) {
  const auto unedited = by_prompt(evaluation, metric, 0), edited = by_prompt(evaluation, metric, variant);
  std::vector<double> before, after;
  for (const auto& [number, values] : edited) {
    // An interrupted run may end between the variants of a seed: the first one then has more.
    const std::vector<double>& all = unedited.at(number);
    before.push_back(mean({all.begin(), all.begin() + static_cast<int64_t>(values.size())}));
    after.push_back(mean(values));
  }
  const Estimate found = world::bootstrap_difference(before, after);
  return before.size() == 1 ? without_interval(found) : found;
}

std::string estimate_text(const Estimate& estimate, const EvalMetric& metric, bool signed_value) {
  if (estimate.count == 0) return "";
  char text[96];
  if (!std::isfinite(estimate.low)) {
    std::snprintf(text, sizeof text, signed_value ? "%+8.*f" : "%8.*f", metric.digits,
                  estimate.value * metric.scale);
    return text;
  }
  const char* form = signed_value ? "%+8.*f  %+.*f to %+.*f" : "%8.*f  %.*f to %.*f";
  std::snprintf(text, sizeof text, form, metric.digits, estimate.value * metric.scale, metric.digits,
                estimate.low * metric.scale, metric.digits, estimate.high * metric.scale);
  return text;
}

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string evaluation_title(const Evaluation& evaluation) {
  const json source = json::parse(evaluation.source);
  std::string text =
      source["source"] == "truth" ? "Rendered truth" : source["model"]["name"].get<std::string>();
  if (const std::string degrade = source["options"].value("degrade", "none"); degrade != "none")
    text += ", degraded by " + degrade;
  std::set<int> prompts;
  for (const EvalRow& row : evaluation.rows) prompts.insert(row.task.number);
  return text + ": " + std::to_string(evaluation.rows.size()) +
         (evaluation.rows.size() == 1 ? " video" : " videos") +
         (prompts.size() == 1 ? " of one prompt, too few for intervals" : ", 95 % intervals");
}

std::string evaluation_times(const Evaluation& evaluation) {
  if (evaluation.rows.empty()) return "";
  char line[128];
  std::snprintf(line, sizeof line, "%.0f ms to make a video, %.0f ms to score it (medians); %.1f s in all\n",
                1000 * median_of(evaluation, &EvalRow::make_s),
                1000 * median_of(evaluation, &EvalRow::score_s), evaluation.seconds);
  return line;
}

std::string evaluation_table(const Evaluation& evaluation) {
  const bool pairs = evaluation.plan.variants.size() > 1;
  const size_t shown = pairs ? 1 : 0;
  constexpr size_t kLabel = 38, kCell = 30;
  std::string text = evaluation_title(evaluation) + "\n\n" + padded("", kLabel);
  text += padded(pairs ? "     n    edited" : "     n     value", 16);
  if (pairs) text += padded("", kCell - 8) + padded("unedited", kCell) + "difference";
  text += "\n";
  std::string group;
  const std::vector<EvalMetric>& metrics = evaluation.plan.subject->metrics();
  for (size_t m = 0; m < metrics.size(); ++m) {
    const EvalMetric& metric = metrics[m];
    if (metric.group != group) text += (group = metric.group) + "\n";
    const Estimate own = estimate(evaluation, m, shown);
    if (own.count == 0) {
      text += "  " + metric.label + ": no such video\n";
      continue;
    }
    char count[32];
    std::snprintf(count, sizeof count, "%6lld", static_cast<long long>(own.count));
    text += padded("  " + metric.label + (metric.unit.empty() ? "" : ", " + metric.unit), kLabel) + count +
            padded("  " + estimate_text(own, metric, false), kCell);
    if (pairs) {
      text += padded(estimate_text(estimate(evaluation, m, 0), metric, false), kCell);
      text += estimate_text(difference(evaluation, m, 1), metric, true);
    }
    while (text.back() == ' ') text.pop_back();
    text += "\n";
  }
  const std::string times = evaluation_times(evaluation);
  return text + (times.empty() ? "" : "\n" + times);
}

std::string csv_cell(double value) {
  if (!std::isfinite(value)) return ",";
  char number[32];
  std::snprintf(number, sizeof number, ",%.6g", value);
  return number;
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_header(const EvalSubject& subject) {
  return "number,prompt,seed,edited" + subject.csv_columns() + ",make_s,score_s\n";
}

std::string csv_line(const EvalSubject& subject, const EvalRow& row) {
  return std::to_string(row.task.number + 1) + "," + csv_text(subject.prompt(row.task.number)) + "," +
         std::to_string(row.task.seed) + "," + (row.task.variant ? "1" : "0") + row.score.csv +
         csv_cell(row.make_s) + csv_cell(row.score_s) + "\n";
}

}  // namespace reel::app
