// What `reel eval` prints: a table, one JSON object, or a CSV line a video.
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/eval.h"
#include "pipeline/world/statistics.h"

namespace reel::app {
namespace {

using nlohmann::json;
using world::Estimate;
using world::VideoScore;

/// One number of the table: what it is for one video (or for each of its objects).
struct Metric {
  const char *key, *label;
  size_t objects;  // of the scenes that it is about; 0: all
  bool share;      // right or wrong; else a mean
  double scale;    // of the table: 100 for percent
  std::vector<double> (*values)(const VideoScore&);
};

std::vector<double> objects_right(const VideoScore& score) {
  std::vector<double> values;
  for (const world::ActorScore& actor : score.actors) values.push_back(actor.object_right);
  return values;
}
std::vector<double> all_objects_right(const VideoScore& score) {
  bool right = true;
  for (const world::ActorScore& actor : score.actors) right = right && actor.object_right;
  return {right ? 1.0 : 0.0};
}
std::vector<double> motions_right(const VideoScore& score) {
  std::vector<double> values;
  for (const world::ActorScore& actor : score.actors) values.push_back(actor.motion_right);
  return values;
}
std::vector<double> background_right(const VideoScore& score) { return {score.background_right ? 1.0 : 0.0}; }
std::vector<double> all_right(const VideoScore& score) { return {score.all_right() ? 1.0 : 0.0}; }
std::vector<double> amplitude(const VideoScore& score) { return {score.amplitude}; }
std::vector<double> consistency(const VideoScore& score) { return {score.consistency}; }
std::vector<double> flicker(const VideoScore& score) { return {score.background_flicker}; }

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = {
      {"one.object", "object", 1, true, 100, objects_right},
      {"one.motion", "motion", 1, true, 100, motions_right},
      {"one.background", "background", 1, true, 100, background_right},
      {"one.all_right", "all of these", 1, true, 100, all_right},
      {"two.object", "each object", 2, true, 100, objects_right},
      {"two.both_objects", "both objects", 2, true, 100, all_objects_right},
      {"two.motion", "each motion", 2, true, 100, motions_right},
      {"two.background", "background", 2, true, 100, background_right},
      {"two.all_right", "all of these", 2, true, 100, all_right},
      {"all.all_right", "all right", 0, true, 100, all_right},
      {"all.motion_amplitude", "motion amplitude", 0, false, 100, amplitude},
      {"all.temporal_consistency", "temporal consistency", 0, false, 1, consistency},
      {"all.background_flicker", "background flicker", 0, false, 1, flicker}};
  return all;
}

/// The values of one metric, prompt by prompt: videos of one prompt, and objects of one video, resemble each
/// other, and must not count as independent.
std::map<int, std::vector<double>> by_prompt(const Evaluation& evaluation, const Metric& metric,
                                             bool edited) {
  std::map<int, std::vector<double>> groups;
  for (const EvalRow& row : evaluation.rows) {
    if (row.task.edited != edited) continue;
    if (metric.objects != 0 && row.score.actors.size() != metric.objects) continue;
    const std::vector<double> values = metric.values(row.score);
    std::vector<double>& group = groups[row.task.number];
    group.insert(group.end(), values.begin(), values.end());
  }
  return groups;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

Estimate estimate(const Evaluation& evaluation, const Metric& metric, bool edited) {
  std::vector<double> means;
  std::vector<world::Cluster> clusters;
  for (const auto& [number, values] : by_prompt(evaluation, metric, edited)) {
    means.push_back(mean(values));
    clusters.push_back({std::llround(means.back() * static_cast<double>(values.size())),
                        static_cast<int64_t>(values.size())});
  }
  return metric.share ? world::proportion(clusters) : world::bootstrap_mean(means);
}

/// Of what both variants have: an interrupted run may end between them.
Estimate difference(const Evaluation& evaluation, const Metric& metric) {
  const auto unedited = by_prompt(evaluation, metric, false), edited = by_prompt(evaluation, metric, true);
  std::vector<double> before, after;
  for (const auto& [number, values] : edited) {
    const std::vector<double>& all = unedited.at(number);
    before.push_back(mean({all.begin(), all.begin() + static_cast<int64_t>(values.size())}));
    after.push_back(mean(values));
  }
  return world::bootstrap_difference(before, after);
}

bool has_pairs(const Evaluation& evaluation) { return !evaluation.options.job.edits.empty(); }

json number_json(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json estimate_json(const Estimate& estimate) {
  return {{"value", number_json(estimate.value)},
          {"low", number_json(estimate.low)},
          {"high", number_json(estimate.high)},
          {"count", estimate.count}};
}

double median_of(const Evaluation& evaluation, double EvalRow::*member) {
  std::vector<double> values;
  for (const EvalRow& row : evaluation.rows) values.push_back(row.*member);
  if (values.empty()) return std::nan("");
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

std::string estimate_text(const Estimate& estimate, const Metric& metric, bool signed_value) {
  if (estimate.count == 0) return "";
  char text[96];
  const int digits = metric.scale == 100 ? metric.share ? 1 : 2 : 3;
  const char* form = signed_value ? "%+8.*f  %+.*f to %+.*f" : "%8.*f  %.*f to %.*f";
  std::snprintf(text, sizeof text, form, digits, estimate.value * metric.scale, digits,
                estimate.low * metric.scale, digits, estimate.high * metric.scale);
  return text;
}

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

}  // namespace

std::string evaluation_json(const Evaluation& evaluation) {
  const EvalOptions& options = evaluation.options;
  json document = json::parse(evaluation.source);
  json& resolved = document["options"];
  resolved["prompts"] = options.prompts, resolved["seeds"] = options.seeds;
  resolved["two_fraction"] = options.two_fraction, resolved["seed"] = *options.common.seed;
  document["videos"] = evaluation.rows.size();
  document["interrupted"] = evaluation.interrupted;
  document["seconds"] = {{"total", evaluation.seconds},
                         {"make_median", number_json(median_of(evaluation, &EvalRow::make_s))},
                         {"score_median", number_json(median_of(evaluation, &EvalRow::score_s))}};
  for (const Metric& metric : metrics()) {
    document["results"][metric.key] = estimate_json(estimate(evaluation, metric, has_pairs(evaluation)));
    if (!has_pairs(evaluation)) continue;
    document["unedited"][metric.key] = estimate_json(estimate(evaluation, metric, false));
    document["difference"][metric.key] = estimate_json(difference(evaluation, metric));
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string evaluation_table(const Evaluation& evaluation) {
  const bool pairs = has_pairs(evaluation);
  const json source = json::parse(evaluation.source);
  constexpr size_t kLabel = 34, kCell = 30;
  std::string text =
      source["source"] == "truth" ? "Rendered truth" : source["model"]["name"].get<std::string>();
  if (const std::string degrade = source["options"].value("degrade", "none"); degrade != "none")
    text += ", degraded by " + degrade;
  text += ": " + std::to_string(evaluation.rows.size()) +
          (evaluation.rows.size() == 1 ? " video" : " videos") + ", 95 % intervals\n\n" + padded("", kLabel);
  text += padded(pairs ? "     n    edited" : "     n     value", 16);
  if (pairs) text += padded("", kCell - 8) + padded("unedited", kCell) + "difference";
  text += "\n";
  const char* const titles[] = {"All videos", "One object", "Two objects"};
  size_t group = 3;
  for (const Metric& metric : metrics()) {
    if (metric.objects != group) text += std::string(titles[group = metric.objects]) + "\n";
    const Estimate own = estimate(evaluation, metric, pairs);
    if (own.count == 0) {
      text += "  " + std::string(metric.label) + ": no such video\n";
      continue;
    }
    char count[32];
    std::snprintf(count, sizeof count, "%6lld", static_cast<long long>(own.count));
    const std::string unit = metric.share ? ", %" : metric.scale == 100 ? ", % of the frame" : "";
    text += padded("  " + std::string(metric.label) + unit, kLabel) + count +
            padded("  " + estimate_text(own, metric, false), kCell);
    if (pairs) {
      text += padded(estimate_text(estimate(evaluation, metric, false), metric, false), kCell);
      text += estimate_text(difference(evaluation, metric), metric, true);
    }
    while (text.back() == ' ') text.pop_back();
    text += "\n";
  }
  char line[128];
  std::snprintf(line, sizeof line,
                "\n%.0f ms to make a video, %.0f ms to score it (medians); %.1f s in all\n",
                1000 * median_of(evaluation, &EvalRow::make_s),
                1000 * median_of(evaluation, &EvalRow::score_s), evaluation.seconds);
  return text + (evaluation.rows.empty() ? "" : line);
}

std::string describe_row(const world::World& world, const EvalRow& row) {
  const auto name = [](const auto& all, int index) { return index < 0 ? std::string("?") : all[index].name; };
  std::string text = "reel: " + row.task.prompt + (row.task.edited ? ", edited" : "") + ": found ";
  for (const world::ActorScore& actor : row.score.actors)
    text += name(world.objects, actor.object) + " " + name(world.motions, actor.motion) + ", ";
  text += name(world.backgrounds, row.score.background);
  return text + (row.score.all_right() ? ": right\n" : "\n");
}

std::string csv_header() {
  std::string text = "number,prompt,seed,edited";
  for (const std::string slot : {"1", "2"}) {
    for (const char* name : {"object", "object_right", "motion", "motion_right", "explained",
                             "asked_explained", "displacement", "zoom", "turn", "appearance", "smoothness"})
      text += std::string(",") + name + slot;
  }
  return text +
         ",background,background_right,background_explained,background_flicker,motion_amplitude,"
         "temporal_consistency,all_right,make_s,score_s\n";
}

std::string csv_line(const world::World& world, const EvalRow& row) {
  const VideoScore& score = row.score;
  std::string text = std::to_string(row.task.number + 1) + "," + row.task.prompt + "," +
                     std::to_string(row.task.seed) + "," + (row.task.edited ? "1" : "0");
  const auto put = [&text](double value) {
    char number[32];
    std::snprintf(number, sizeof number, ",%.6g", value);
    text += number;
  };
  const auto name = [&text](const auto& all, int index) { text += "," + (index < 0 ? "" : all[index].name); };
  for (size_t k = 0; k < 2; ++k) {
    if (k >= score.actors.size()) {
      text += ",,,,,,,,,,,";
      continue;
    }
    const world::ActorScore& actor = score.actors[k];
    name(world.objects, actor.object);
    put(actor.object_right);
    name(world.motions, actor.motion);
    put(actor.motion_right);
    const world::MotionAmplitude& amplitude = actor.motion_fit.amplitude;
    for (const double value : {actor.explained, actor.asked_explained, amplitude.displacement, amplitude.zoom,
                               amplitude.turn, actor.appearance, actor.smoothness})
      put(value);
  }
  name(world.backgrounds, score.background);
  put(score.background_right);
  for (const double value : {score.background_explained, score.background_flicker, score.amplitude,
                             score.consistency, score.all_right() ? 1.0 : 0.0, row.make_s, row.score_s})
    put(value);
  return text + "\n";
}

}  // namespace reel::app
