// What an evaluation asks for, and how it scores the videos.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/eval/eval_options.h"
#include "pipeline/evaluation/world/scene.h"
#include "pipeline/media/frames.h"

namespace reel::app {

/// One number that videos are scored by.
struct EvalMetric {
  std::string key, label, unit;
  std::string group;  // the title under which the table shows it
  bool share;         // true: the share of right values; false: a mean
  double scale;       // of the table: 100 for percent
  int digits;         // of the table
};

/// The score of one video.
struct EvalScore {
  std::vector<std::vector<double>> values;  // of each metric; empty if the metric is not about this video
  std::string csv;                          // the subject's columns, each behind a comma
  std::string words;                        // what was found
  bool right = false;                       // everything that was asked for was found
};

/// Draws prompts and scores videos of them. Prompts are numbered from 0.
class EvalSubject {
 public:
  virtual ~EvalSubject() = default;
  virtual const std::vector<EvalMetric>& metrics() const = 0;
  virtual std::string csv_columns() const = 0;
  /// The options that the prompts were drawn with, as a JSON object.
  virtual std::string options_json() const = 0;
  virtual int prompts() const = 0;  // how many
  virtual std::string prompt(int number) const = 0;
  /// Writes the prompt into the options of a job.
  virtual void set_prompt(int number, pipeline::GenerateOptions& job) const = 0;
  /// The right video, float [F, 3, H, W] in [0, 1]. `dice` decides what the prompt leaves open.
  virtual at::Tensor truth(int number, world::Dice& dice) const = 0;
  virtual EvalScore score(int number, const media::Frames& frames) const = 0;
};

using MakeSubject = std::function<std::unique_ptr<EvalSubject>(const world::World&, const EvalOptions&)>;

}  // namespace reel::app
