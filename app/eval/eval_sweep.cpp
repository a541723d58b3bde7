// `reel eval sweep`: how the numbers follow the options of edits, point by point against the same unedited
// videos.
#include <cmath>
#include <iostream>
#include <set>

#include "app/eval/eval_json.h"
#include "app/eval/eval_report.h"
#include "app/eval/eval_run.h"
#include "app/eval/eval_synopsis.h"
#include "app/eval/eval_world.h"
#include "app/session/options/value_option.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/verbs.h"
#include "models/files/part_file.h"
#include "pipeline/evaluation/edit_sweep.h"
#include "pipeline/evaluation/small_multiples.h"

namespace reel::app {
namespace {

using nlohmann::json;
using pipeline::EditSweep;
using pipeline::SweepPoint;
using world::Estimate;

struct SweepOptions {
  EvalOptions eval;
  std::string subject = "world", plot;
};

/// `scale.factor=0.5, vstar.strength=1`.
std::string label_of(const EditSweep& sweep, const SweepPoint& point) {
  std::string text;
  for (size_t k = 0; k < sweep.options.size(); ++k)
    text += (k ? ", " : "") + sweep.options[k].name + "=" + point.values[k];
  return text;
}

/// The first variant is unedited, variant i + 1 is point i.
std::vector<EvalVariant> variants_of(const EditSweep& sweep) {
  std::vector<EvalVariant> variants = {{"unedited", {}}};
  for (const SweepPoint& point : sweep.points) {
    std::string name = label_of(sweep, point);
    for (char& c : name) {
      if (!std::isalnum(static_cast<unsigned char>(c)) && !std::strchr("._=+-", c)) c = '_';
    }
    variants.push_back({name, point.edits});
  }
  return variants;
}

std::string sweep_table(const Evaluation& evaluation, const EditSweep& sweep) {
  size_t label = 20;
  for (const SweepPoint& point : sweep.points) label = std::max(label, label_of(sweep, point).size() + 6);
  constexpr size_t kCell = 32;
  std::string text = evaluation_title(evaluation) + "\n\n" + padded("", label) + "     n" +
                     padded("     value", kCell) + "  difference to unedited\n";
  const auto row = [&](const std::string& name, const Estimate& own, const EvalMetric& metric,
                       const std::string& more) {
    char count[32];
    std::snprintf(count, sizeof count, "%6lld", static_cast<long long>(own.count));
    text +=
        padded("    " + name, label) + count + padded("  " + estimate_text(own, metric, false), kCell) + more;
    while (text.back() == ' ') text.pop_back();
    text += "\n";
  };
  std::string group;
  const std::vector<EvalMetric>& metrics = evaluation.plan.subject->metrics();
  for (size_t m = 0; m < metrics.size(); ++m) {
    const EvalMetric& metric = metrics[m];
    if (metric.group != group) text += (group = metric.group) + "\n";
    text += "  " + metric.label + (metric.unit.empty() ? "" : ", " + metric.unit);
    const Estimate unedited = estimate(evaluation, m, 0);
    if (unedited.count == 0) {
      text += ": no such video\n";
      continue;
    }
    text += "\n";
    row("unedited", unedited, metric, "");
    for (size_t i = 0; i < sweep.points.size(); ++i) {
      const Estimate own = estimate(evaluation, m, i + 1);
      if (own.count == 0) continue;  // interrupted before its first video
      row(label_of(sweep, sweep.points[i]), own, metric,
          estimate_text(difference(evaluation, m, i + 1), metric, true));
    }
  }
  const std::string times = evaluation_times(evaluation);
  return text + (times.empty() ? "" : "\n" + times);
}

std::string sweep_json(const Evaluation& evaluation, const EditSweep& sweep) {
  json document = evaluation_facts(evaluation);
  document.erase("edits");  // those of one point
  document["swept"] = json::array();
  for (const pipeline::SweptOption& option : sweep.options)
    document["swept"].push_back({{"option", option.name}, {"values", option.values}});
  document["unedited"] = results_json(evaluation, 0);
  document["points"] = json::array();
  for (size_t i = 0; i < sweep.points.size(); ++i) {
    json values;
    for (size_t k = 0; k < sweep.options.size(); ++k)
      values[sweep.options[k].name] = sweep.points[i].values[k];
    document["points"].push_back({{"values", values},
                                  {"edit", sweep.points[i].edits},
                                  {"results", results_json(evaluation, i + 1)},
                                  {"difference", differences_json(evaluation, i + 1)}});
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// One line for each point and metric.
std::string sweep_csv(const Evaluation& evaluation, const EditSweep& sweep) {
  std::string text;
  for (const pipeline::SweptOption& option : sweep.options) text += option.name + ",";
  text +=
      "metric,count,value,low,high,unedited,unedited_low,unedited_high,difference,difference_low,difference_"
      "high\n";
  const std::vector<EvalMetric>& metrics = evaluation.plan.subject->metrics();
  for (size_t i = 0; i < sweep.points.size(); ++i) {
    for (size_t m = 0; m < metrics.size(); ++m) {
      const Estimate own = estimate(evaluation, m, i + 1);
      for (const std::string& value : sweep.points[i].values) text += value + ",";
      text += metrics[m].key + "," + std::to_string(own.count);
      if (own.count == 0) {
        text += ",,,,,,,,,\n";
        continue;
      }
      for (const Estimate& one : {own, estimate(evaluation, m, 0), difference(evaluation, m, i + 1)})
        text += csv_cell(one.value) + csv_cell(one.low) + csv_cell(one.high);
      text += "\n";
    }
  }
  return text;
}

/// A panel for each metric over the first swept option; the others' combinations are series. Points stand at
/// the unedited value plus the paired difference, with its interval: where that does not meet the line of the
/// unedited value, the sample shows a change.
std::string sweep_plot(const Evaluation& evaluation, const EditSweep& sweep) {
  pipeline::Multiples chart;
  chart.title = evaluation_title(evaluation);
  chart.x_label = sweep.options.front().name;
  chart.note = "dashed: unedited; bars: 95 % intervals of the paired difference to it";
  chart.ticks = sweep.options.front().values;
  const std::vector<EvalMetric>& metrics = evaluation.plan.subject->metrics();
  const size_t others = sweep.points.size() / chart.ticks.size();  // the first option changes slowest
  for (size_t m = 0; m < metrics.size(); ++m) {
    const EvalMetric& metric = metrics[m];
    const Estimate unedited = estimate(evaluation, m, 0);
    if (unedited.count == 0) continue;
    pipeline::ChartPanel panel{
        metric.group + ": " + metric.label + (metric.unit.empty() ? "" : ", " + metric.unit),
        unedited.value * metric.scale,
        {}};
    for (size_t other = 0; other < others; ++other) {
      const std::string name = label_of(sweep, sweep.points[other]);
      const size_t comma = name.find(", ");
      pipeline::ChartSeries series{comma == std::string::npos ? "" : name.substr(comma + 2), {}};
      for (size_t tick = 0; tick < chart.ticks.size(); ++tick) {
        const Estimate change = difference(evaluation, m, tick * others + other + 1);
        if (change.count == 0) continue;
        const auto place = [&](double value) { return (unedited.value + value) * metric.scale; };
        const bool interval = std::isfinite(change.low);  // of one prompt there is none
        series.points.push_back({tick, place(change.value), place(interval ? change.low : change.value),
                                 place(interval ? change.high : change.value)});
      }
      panel.series.push_back(std::move(series));
    }
    chart.panels.push_back(std::move(panel));
  }
  return pipeline::draw_multiples(chart);
}

void write_text(const std::string& path, const std::string& text, bool overwrite) {
  if (path.empty()) return;
  models::PartFile file(path, overwrite);
  file.write(text.data(), text.size());
  file.commit();
}

int sweep(const SweepOptions& options) {
  const bool overwrite = options.eval.job.overwrite;
  const EditSweep grid = pipeline::parse_sweep(plugins().edits, options.eval.job.edits);
  if (!options.plot.empty() && !options.plot.ends_with(".svg"))
    throw std::invalid_argument("[--plot] must name an .svg file, got '" + options.plot + "'");
  for (const std::string& file : {options.eval.output, options.plot}) {
    if (!file.empty()) models::check_target(file, overwrite);
  }
  EvalRun run(options.eval, options.subject == "synopsis" ? make_synopsis_subject : make_world_subject,
              variants_of(grid));
  const Evaluation evaluation = run.run([](const EvalRow&) {});
  write_text(options.eval.output, sweep_csv(evaluation, grid), overwrite);
  write_text(options.plot, sweep_plot(evaluation, grid), overwrite);
  if (options.eval.common.json)
    print_json(sweep_json(evaluation, grid));
  else
    std::cout << sweep_table(evaluation, grid) << std::flush;
  return finish_evaluation(evaluation);
}

}  // namespace

void add_sweep_verb(CLI::App& eval, Action& action) {
  CLI::App* verb = eval.add_subcommand("sweep", "How the numbers follow the options of edits");
  auto options = std::make_shared<SweepOptions>();
  verb->footer(
      "Example: reel eval sweep --edit scale:factor=0.5:2:0.5@kind=temporal --prompts 50 -o sweep.csv --plot "
      "sweep.svg\n"
      "What is measured, and how far it can be trusted: docs/eval.md");
  add_texts(
      *verb, "--edit", options->eval.job.edits,
      "NAME:opt=v,...[@selector], repeatable; a value FROM:TO:STEP or a|b|c is swept, several span a grid")
      ->required();
  add_value(*verb, "--of", options->subject, "what is made and scored: scenes or synopses",
            {.choices = {"world", "synopsis"}});
  add_eval_options(*verb, options->eval);
  add_world_options(*verb, options->eval);
  add_synopsis_options(*verb, options->eval);
  verb->add_option("-o,--output", options->eval.output, "one line a point and number, as a .csv file");
  verb->add_option("--plot", options->plot, "a panel a number, as an .svg file");
  verb->callback([options, verb, &action] {
    const bool synopsis = options->subject == "synopsis";
    for (const char* name :
         {"--stages", "--change", "--synopsis-blend", "--two-fraction", "--motion", "--prompts-file"}) {
      const bool of_world =
          std::set<std::string>{"--two-fraction", "--motion", "--prompts-file"}.count(name) > 0;
      if (verb->count(name) && of_world == synopsis)
        throw CLI::ValidationError(name, std::string("belongs to --of ") + (of_world ? "world" : "synopsis"));
    }
    settle_world_options(*verb, options->eval);
    action = [options] { return sweep(*options); };
  });
}

}  // namespace reel::app
