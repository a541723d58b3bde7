// The videos of an evaluation, before and after they are made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/eval/eval_options.h"
#include "app/eval/eval_subject.h"
#include "pipeline/evaluation/world/world.h"

namespace reel::app {

/// One way of making each video.
struct EvalVariant {
  std::string name;  // in the file names of --save; empty if there is one variant only
  std::vector<std::string> edits;
};

/// One video to be made and scored.
struct EvalTask {
  int number = 0;  // of the prompt
  uint64_t seed = 0;
  size_t variant = 0;
  std::string save_path;  // empty: the video is not kept
};

/// One video that was made and scored.
struct EvalRow {
  EvalTask task;
  EvalScore score;
  double make_s = 0, score_s = 0;
};

/// What all videos of an evaluation share.
struct EvalPlan {
  EvalOptions options;
  world::World world;
  std::unique_ptr<EvalSubject> subject;
  std::vector<EvalVariant> variants;  // the others are compared with the first
};

/// The result of an evaluation, interrupted or not.
struct Evaluation {
  const EvalPlan& plan;
  std::vector<EvalRow> rows;
  size_t planned = 0;  // videos
  std::string source;  // JSON text of VideoSource::describe
  bool interrupted = false;
  double seconds = 0;
};

}  // namespace reel::app
