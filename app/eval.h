// What the parts of `reel eval` share: what was asked for, what one video scored, and where videos come from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/generate_job.h"
#include "pipeline/world/render.h"
#include "pipeline/world/score.h"

namespace reel::app {

struct EvalOptions {
  CommonOptions common;
  GenerateOptions job;  // its prompt is set for each video
  int prompts = 200, seeds = 1;
  double two_fraction = 0.5;
  bool truth = false;
  std::string degrade = "none";  // of the truth
  std::string world;             // folder; empty: the bundled one
  std::string output, save;      // a .csv file; a folder for the videos
};

/// One video to be made and scored.
struct EvalTask {
  int number = 0;  // of the prompt, from 0
  std::string prompt;
  world::Scene asked;
  uint64_t seed = 0;
  bool edited = false;    // with the edits of the job
  std::string save_path;  // empty: not kept
};

struct EvalRow {
  EvalTask task;
  world::VideoScore score;
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

/// Renders each prompt as the world's formulas say, degraded if the options say so.
std::unique_ptr<VideoSource> truth_source(const world::World& world, const EvalOptions& options);

/// Runs each prompt through the graph of `reel generate`, with one loaded model for all.
/// Throws: as resolve_job, before anything is loaded.
std::unique_ptr<VideoSource> model_source(const EvalOptions& options);

/// What was measured: intervals for all rows that are there.
struct Evaluation {
  const world::World& world;
  const EvalOptions& options;
  std::vector<EvalRow> rows;  // with edits, each prompt and seed twice
  std::string source;         // JSON text of VideoSource::describe
  bool interrupted = false;
  double seconds = 0;
};
std::string evaluation_table(const Evaluation& evaluation);
std::string evaluation_json(const Evaluation& evaluation);

/// One video in words: what was asked for and what was found.
std::string describe_row(const world::World& world, const EvalRow& row);

/// One line of the CSV file, and its first line.
std::string csv_header();
std::string csv_line(const world::World& world, const EvalRow& row);

}  // namespace reel::app
