#include "app/eval/eval_run.h"

#include <chrono>
#include <filesystem>
#include <iostream>

#include "app/eval/eval_json.h"
#include "app/eval/eval_report.h"
#include "app/session/exit_code.h"
#include "app/session/notes.h"
#include "app/session/placement.h"
#include "app/session/print_json.h"
#include "app/session/progress.h"
#include "app/session/session.h"
#include "models/files/part_file.h"
#include "models/model_folder.h"
#include "pipeline/evaluation/world/degrade.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void refuse(const std::string& option, const std::string& message) {
  throw std::invalid_argument("[" + option + "] " + message);
}

void check_options(const EvalOptions& options) {
  if (options.truth) {
    if (!options.job.edits.empty())
      refuse("--edit", "changes a model, and --truth runs none; leave one of them out");
    if (!options.job.size.empty() || options.job.frames)
      refuse(options.job.frames ? "--frames" : "--size",
             "is a model's, and the truth has the world's; leave it out");
  } else if (options.degrade != "none") {
    refuse("--degrade", "changes rendered truth; add --truth");
  }
  world::degradation(options.degrade);
  if (!options.output.empty() && !options.output.ends_with(".csv"))
    refuse("-o", "must name a .csv file, got '" + options.output + "'");
}

/// Videos are kept as .mp4 or, in a build that writes none, as .y4m.
std::string video_extension() { return media::output_formats().count("mp4") ? ".mp4" : ".y4m"; }

EvalRow score(VideoSource& source, const EvalSubject& subject, const EvalTask& task) {
  EvalRow row{task, {}, 0, 0};
  const auto start = Clock::now();
  const media::Frames frames = source.make(task);
  row.make_s = seconds_since(start);
  row.score = subject.score(task.number, frames);
  row.score_s = seconds_since(start) - row.make_s;
  return row;
}

}  // namespace

EvalRun::EvalRun(EvalOptions options, const MakeSubject& make, std::vector<EvalVariant> variants) {
  check_options(options);
  const std::string folder = options.world.empty() ? models::assets_folder() + "/world" : options.world;
  plan_ = {std::move(options), world::load_world(folder), nullptr, std::move(variants)};
  plan_.subject = make(plan_.world, plan_.options);
  source_ = plan_.options.truth ? truth_source(plan_) : model_source(plan_);
  place(plan_.options.common);
  tasks_ = tasks();
  if (!plan_.options.save.empty()) models::make_folder(plan_.options.save);
  for (const EvalTask& task : tasks_) {
    if (!task.save_path.empty())
      media::check_output(task.save_path, {.overwrite = plan_.options.job.overwrite});
  }
}

std::vector<EvalTask> EvalRun::tasks() const {
  const EvalOptions& options = plan_.options;
  std::vector<EvalTask> all;
  for (int i = 0; i < plan_.subject->prompts(); ++i) {
    for (int repeat = 0; repeat < options.seeds; ++repeat) {
      const uint64_t own = *options.common.seed + static_cast<uint64_t>(i) * options.seeds + repeat;
      for (size_t v = 0; v < plan_.variants.size(); ++v) {
        EvalTask task{i, own, v, ""};
        if (!options.save.empty()) {
          char number[40];
          std::snprintf(number, sizeof number, "%04d-%llu", i + 1, static_cast<unsigned long long>(own));
          const std::string& name = plan_.variants[v].name;
          const std::string file = number + (name.empty() ? "" : "-" + name) + video_extension();
          task.save_path = (std::filesystem::path(options.save) / file).string();
        }
        all.push_back(std::move(task));
      }
    }
  }
  return all;
}

Evaluation EvalRun::run(const std::function<void(const EvalRow&)>& on_row) {
  const auto start = Clock::now();
  const CommonOptions& common = plan_.options.common;
  Evaluation evaluation{plan_, {}, tasks_.size(), "", false, 0};
  CommonOptions shown = common;
  if (shown.verbose && shown.progress == "auto") shown.progress = "none";  // lines would break the bar
  const auto tell = make_progress(shown);
  const pipeline::NodeName videos{"eval", "videos"};
  const auto report = [&](auto what) {
    if (tell) tell({"", what});
  };
  const auto step = [&] {
    report(pipeline::Stepped{videos, static_cast<int64_t>(evaluation.rows.size()),
                             static_cast<int64_t>(tasks_.size())});
  };
  report(pipeline::Started{videos});
  try {
    for (const EvalTask& task : tasks_) {
      if (stop_request()) throw pipeline::Cancelled();
      evaluation.rows.push_back(score(*source_, *plan_.subject, task));
      const EvalRow& row = evaluation.rows.back();
      on_row(row);
      if (common.verbose) {
        note(common, plan_.subject->prompt(task.number) +
                         (task.variant ? ", " + plan_.variants[task.variant].name : "") + ": found " +
                         row.score.words + (row.score.right ? ": right" : ""));
      }
      step();
    }
  } catch (const pipeline::Cancelled&) {
    evaluation.interrupted = true;
  }
  report(pipeline::Done{videos});
  evaluation.source = source_->describe();
  evaluation.seconds = seconds_since(start);
  return evaluation;
}

int finish_evaluation(const Evaluation& evaluation) {
  if (!evaluation.interrupted) return kDone;
  warn(evaluation.plan.options.common, "interrupted after " + std::to_string(evaluation.rows.size()) +
                                           " of " + std::to_string(evaluation.planned) +
                                           " videos; the numbers are theirs");
  return kInterrupted;
}

int evaluate_pairs(const EvalOptions& options, const MakeSubject& make) {
  std::vector<EvalVariant> variants = {{}};
  if (!options.job.edits.empty()) variants = {{"unedited", {}}, {"edited", options.job.edits}};
  EvalRun run(options, make, std::move(variants));
  std::unique_ptr<models::PartFile> csv;
  const auto append = [&](const std::string& line) {
    if (csv) csv->write(line.data(), line.size());
  };
  if (!options.output.empty())
    csv = std::make_unique<models::PartFile>(options.output, options.job.overwrite);
  append(csv_header(*run.plan().subject));
  const Evaluation evaluation =
      run.run([&](const EvalRow& row) { append(csv_line(*run.plan().subject, row)); });
  if (csv) csv->commit();
  if (options.common.json)
    print_json(evaluation_json(evaluation));
  else
    std::cout << evaluation_table(evaluation) << std::flush;
  return finish_evaluation(evaluation);
}

}  // namespace reel::app
