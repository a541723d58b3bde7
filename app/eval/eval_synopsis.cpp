#include "app/eval/eval_synopsis.h"

#include <nlohmann/json.hpp>

#include "app/eval/eval_report.h"
#include "pipeline/evaluation/scoring/stage_score.h"

namespace reel::app {
namespace {

using world::SceneStages;
using world::StageChange;
using world::StageScore;
using world::StageScores;

/// A metric, and how a video's score becomes its values: one, or one for each stage.
struct SynopsisMetric {
  EvalMetric metric;
  std::optional<StageChange> about;  // synopses that change in this way; none: all
  std::vector<double> (*values)(const StageScores&, StageChange);
};

template <class Right>
std::vector<double> each_stage(const StageScores& score, const Right& right) {
  std::vector<double> values;
  for (const StageScore& stage : score.stages) values.push_back(right(stage) ? 1.0 : 0.0);
  return values;
}

std::vector<double> stages_right(const StageScores& score, StageChange) {
  return each_stage(score, [](const StageScore& stage) { return stage.right(); });
}
std::vector<double> changing_right(const StageScores& score, StageChange change) {
  return each_stage(score, [&](const StageScore& stage) {
    return change == StageChange::kBackground ? stage.background_right : stage.object_right;
  });
}
std::vector<double> kept_right(const StageScores& score, StageChange change) {
  return each_stage(score, [&](const StageScore& stage) {
    return change == StageChange::kBackground ? stage.object_right : stage.background_right;
  });
}
std::vector<double> all_stages(const StageScores& score, StageChange) {
  return {score.all_right() ? 1.0 : 0.0};
}
std::vector<double> largest_step(const StageScores& score, StageChange) { return {score.largest_step}; }
std::vector<double> jumping(const StageScores& score, StageChange) { return {score.jumping}; }
std::vector<double> change(const StageScores& score, StageChange) { return {score.change}; }

/// The same numbers for one kind of synopsis, or for all.
void add_metrics(std::vector<SynopsisMetric>& all, const std::string& prefix, const std::string& title,
                 std::optional<StageChange> about, const std::string& changing, const std::string& kept) {
  const auto add = [&](const std::string& key, const std::string& label, auto values) {
    all.push_back({{prefix + "." + key, label, "%", title, true, 100, 1}, about, values});
  };
  const auto add_mean = [&](const std::string& key, const std::string& label, const std::string& unit,
                            double scale, auto values) {
    all.push_back({{prefix + "." + key, label, unit, title, false, scale, 2}, about, values});
  };
  add("stages_right", "stages right", stages_right);
  add("changing", changing, changing_right);
  add("kept", kept, kept_right);
  add("all_stages", "all stages of a video", all_stages);
  add_mean("largest_step", "largest step", "even steps", 1, largest_step);
  add_mean("jumping", "jumping at once", "% of the frame", 100, jumping);
  add_mean("change", "first to last frame", "levels", 1, change);
}

const std::vector<SynopsisMetric>& synopsis_metrics() {
  static const std::vector<SynopsisMetric> metrics = [] {
    std::vector<SynopsisMetric> all;
    add_metrics(all, "background", "Backgrounds change", StageChange::kBackground, "background",
                "object, the same");
    add_metrics(all, "object", "Objects change", StageChange::kObject, "object", "background, the same");
    add_metrics(all, "all", "All videos", {}, "what changes", "what stays");
    return all;
  }();
  return metrics;
}

class SynopsisSubject final : public EvalSubject {
 public:
  SynopsisSubject(const world::World& world, const EvalOptions& options)
      : world_(world),
        options_(options),
        blend_(options.job.prompt_blend == "hold" ? guidance::PromptBlend::kHold
                                                  : guidance::PromptBlend::kLinear),
        scorer_(world) {
    world::Dice dice(*options.common.seed);
    for (int i = 0; i < options.prompts; ++i) {
      const bool background = options.change == "both" ? i % 2 == 0 : options.change == "background";
      scenes_.push_back(world::sample_stages(
          world, dice, background ? StageChange::kBackground : StageChange::kObject, options.stages));
    }
    if (options.truth) guidance::synopsis_knots(options.stages, world.num_frames);  // refuses too many stages
    for (const SynopsisMetric& one : synopsis_metrics()) metrics_.push_back(one.metric);
  }

  const std::vector<EvalMetric>& metrics() const override { return metrics_; }
  std::string options_json() const override {
    return nlohmann::json{{"stages", options_.stages},
                          {"change", options_.change},
                          {"synopsis_blend", options_.job.prompt_blend}}
        .dump();
  }
  int prompts() const override { return static_cast<int>(scenes_.size()); }
  std::string prompt(int number) const override { return world::text_of(world_, scenes_.at(number)); }
  void set_prompt(int number, pipeline::GenerateOptions& job) const override {
    job.synopsis = prompt(number);
  }
  at::Tensor truth(int number, world::Dice& dice) const override {
    return world::render_stages(world_, scenes_.at(number), blend_, dice);
  }

  EvalScore score(int number, const media::Frames& frames) const override {
    const SceneStages& asked = scenes_.at(number);
    const StageScores score = scorer_.score(frames.pixels, asked, blend_);
    EvalScore result{{}, csv(asked, score), words(score), score.all_right()};
    for (const SynopsisMetric& one : synopsis_metrics()) {
      const bool about = !one.about || *one.about == asked.change;
      result.values.push_back(about ? one.values(score, asked.change) : std::vector<double>{});
    }
    return result;
  }

  std::string csv_columns() const override {
    std::string text = ",change";
    for (int l = 1; l <= options_.stages; ++l) {
      for (const char* name : {"knot", "object", "object_right", "background", "background_right"})
        text += "," + (name + std::to_string(l));
    }
    return text + ",all_right,largest_step,jumping,first_to_last";
  }

 private:
  std::string object(int index, const std::string& none) const {
    return index < 0 ? none : world_.objects[index].name;
  }
  std::string background(int index, const std::string& none) const {
    return index < 0 ? none : world_.backgrounds[index].name;
  }

  std::string csv(const SceneStages& asked, const StageScores& score) const {
    std::string text = asked.change == StageChange::kBackground ? ",background" : ",object";
    for (const StageScore& stage : score.stages) {
      text +=
          "," + std::to_string(stage.knot) + "," + object(stage.object, "") + csv_cell(stage.object_right);
      text += "," + background(stage.background, "") + csv_cell(stage.background_right);
    }
    for (const double value :
         {score.all_right() ? 1.0 : 0.0, score.largest_step, score.jumping, score.change})
      text += csv_cell(value);
    return text;
  }

  std::string words(const StageScores& score) const {
    std::string text;
    for (const StageScore& stage : score.stages) {
      text +=
          (text.empty() ? "" : "; ") + object(stage.object, "?") + " " + background(stage.background, "?");
    }
    return text;
  }

  const world::World& world_;
  const EvalOptions& options_;
  guidance::PromptBlend blend_;
  world::StageScorer scorer_;
  std::vector<SceneStages> scenes_;
  std::vector<EvalMetric> metrics_;
};

}  // namespace

std::unique_ptr<EvalSubject> make_synopsis_subject(const world::World& world, const EvalOptions& options) {
  return std::make_unique<SynopsisSubject>(world, options);
}

}  // namespace reel::app
