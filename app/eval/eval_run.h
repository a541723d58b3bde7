// Runs an evaluation: checks, videos, scores.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "app/eval/eval_plan.h"
#include "app/eval/eval_source.h"

namespace reel::app {

/// All videos of a plan: every variant of one prompt and seed before the next. The constructor checks
/// everything that can be checked before the first video; Ctrl-C ends the run after the current step.
class EvalRun {
 public:
  EvalRun(EvalOptions options, const MakeSubject& make, std::vector<EvalVariant> variants);
  /// Calls `on_row` after each video.
  Evaluation run(const std::function<void(const EvalRow&)>& on_row);
  const EvalPlan& plan() const { return plan_; }

 private:
  std::vector<EvalTask> tasks() const;

  EvalPlan plan_;
  std::unique_ptr<VideoSource> source_;
  std::vector<EvalTask> tasks_;
};

/// If the run was interrupted, says on stderr how far it came. Returns the exit code.
int finish_evaluation(const Evaluation& evaluation);

/// Evaluates a subject as it is or, if the options name edits, both with and without them. Prints a table or
/// JSON, and writes one CSV line for each video if the options name a file. Returns the exit code.
int evaluate_pairs(const EvalOptions& options, const MakeSubject& make);

}  // namespace reel::app
