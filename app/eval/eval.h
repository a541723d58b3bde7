// What the verbs of `reel eval` share: a subject (what is asked and how it is scored), variants, and their
// run.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/generate_job.h"
#include "pipeline/evaluation/world/degrade.h"
#include "pipeline/evaluation/world/render.h"

namespace reel::app {

/// The options of all verbs; what only one subject has is read by that one.
struct EvalOptions {
  CommonOptions common;
  GenerateOptions job;  // its prompt and edits are set for each video
  int prompts = 200, seeds = 1;
  bool truth = false;
  std::string degrade = "none";  // of the truth
  std::string world;             // folder; empty: the bundled one
  std::string output, save;      // a .csv file; a folder for the videos
  double two_fraction = 0.5;     // of scenes
  int stages = 4;                // of synopses
  std::string change = "both";
};

/// One number that videos are scored by.
struct EvalMetric {
  std::string key, label, unit;
  std::string group;  // the title under which the table shows it
  bool share;         // right or wrong; else a mean
  double scale;       // of the table: 100 for percent
  int digits;         // of the table
};

/// What one video scored.
struct EvalScore {
  std::vector<std::vector<double>> values;  // of each metric; none where it is not about this video
  std::string csv;                          // the subject's columns, each behind a comma
  std::string words;                        // what was found
  bool right = false;                       // everything that was asked for
};

/// What videos are asked for, and how they are scored. Prompts are numbered from 0.
class EvalSubject {
 public:
  virtual ~EvalSubject() = default;
  virtual const std::vector<EvalMetric>& metrics() const = 0;
  virtual std::string csv_columns() const = 0;
  virtual std::string options_json() const = 0;  // what the prompts were drawn with, an object
  virtual std::string prompt(int number) const = 0;
  /// Asks for it in a job.
  virtual void ask(int number, GenerateOptions& job) const = 0;
  /// What is right, float [F, 3, H, W] in [0, 1]; what the prompt leaves open is drawn.
  virtual at::Tensor truth(int number, world::Dice& dice) const = 0;
  virtual EvalScore score(int number, const media::Frames& frames) const = 0;
};
using MakeSubject = std::function<std::unique_ptr<EvalSubject>(const world::World&, const EvalOptions&)>;

/// One way of making each video.
struct EvalVariant {
  std::string name;  // of the files of --save; empty: there is one variant only
  std::vector<std::string> edits;
};

/// One video to be made and scored.
struct EvalTask {
  int number = 0;  // of the prompt
  uint64_t seed = 0;
  size_t variant = 0;
  std::string save_path;  // empty: not kept
};

struct EvalRow {
  EvalTask task;
  EvalScore score;
  double make_s = 0, score_s = 0;
};

/// Makes the videos that are scored.
class VideoSource {
 public:
  virtual ~VideoSource() = default;
  virtual media::Frames make(const EvalTask& task) = 0;
  /// What was run, as JSON text: "source" (truth or model), "model", "options", and after a run "edits".
  virtual std::string describe() const = 0;
};

/// What all videos of a run have in common; it must outlive its sources.
struct EvalPlan {
  EvalOptions options;
  world::World world;
  std::unique_ptr<EvalSubject> subject;
  std::vector<EvalVariant> variants;  // the first is what the others are compared with
};

/// Renders each prompt as the world's formulas say, degraded if the options say so.
std::unique_ptr<VideoSource> truth_source(const EvalPlan& plan);

/// Runs each prompt through the graph of `reel generate`, with one loaded model for all.
/// Throws: as resolve_job, for every variant, before anything is loaded.
std::unique_ptr<VideoSource> model_source(const EvalPlan& plan);

/// What was measured, interrupted or not.
struct Evaluation {
  const EvalPlan& plan;
  std::vector<EvalRow> rows;
  size_t planned = 0;  // videos
  std::string source;  // JSON text of VideoSource::describe
  bool interrupted = false;
  double seconds = 0;
};

/// All videos of a plan: every variant of each prompt and seed before the next. The constructor checks
/// everything that can be checked before the first video; Ctrl-C ends the run after the current step.
class EvalRun {
 public:
  EvalRun(EvalOptions options, const MakeSubject& make, std::vector<EvalVariant> variants);
  Evaluation run(const std::function<void(const EvalRow&)>& on_row);
  const EvalPlan& plan() const { return plan_; }

 private:
  std::vector<EvalTask> tasks() const;

  EvalPlan plan_;
  std::unique_ptr<VideoSource> source_;
  std::vector<EvalTask> tasks_;
};

/// Prints nothing for a whole run; for an interrupted one says how far it came. Returns the exit code.
int finish_evaluation(const Evaluation& evaluation);

/// Runs a subject as it is or, with edits, with and without them; prints a table or JSON, writes a line a
/// video.
int evaluate_pairs(const EvalOptions& options, const MakeSubject& make);

std::unique_ptr<EvalSubject> make_world_subject(const world::World& world, const EvalOptions& options);
std::unique_ptr<EvalSubject> make_synopsis_subject(const world::World& world, const EvalOptions& options);

/// Declares what all verbs understand, and what each subject does; `options` must outlive the verb.
void add_eval_options(CLI::App& verb, EvalOptions& options);
void add_world_options(CLI::App& verb, EvalOptions& options);
void add_synopsis_options(CLI::App& verb, EvalOptions& options);

/// `reel eval sweep`.
void add_sweep_verb(CLI::App& eval, Action& action);

}  // namespace reel::app
