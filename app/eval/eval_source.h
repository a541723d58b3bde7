// Where `reel eval` gets its videos from: rendered truth, or a model.
#pragma once

#include <memory>
#include <string>

#include "app/eval/eval_plan.h"
#include "pipeline/media/frames.h"

namespace reel::app {

/// Makes the videos that are scored.
class VideoSource {
 public:
  virtual ~VideoSource() = default;
  virtual media::Frames make(const EvalTask& task) = 0;
  /// What made the videos, as JSON text: "source" (truth or model), "model", "options", and after a run
  /// "edits".
  virtual std::string describe() const = 0;
};

/// Renders each prompt by the world's formulas, degraded if the options say so. `plan` must outlive the
/// source.
std::unique_ptr<VideoSource> truth_source(const EvalPlan& plan);

/// Runs each prompt through the graph of `reel generate`, with one loaded model for all. `plan` must outlive
/// the source. Throws: as resolve_job, for every variant, before anything is loaded.
std::unique_ptr<VideoSource> model_source(const EvalPlan& plan);

}  // namespace reel::app
