#include "pipeline/evaluation/scoring/stage_score.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <stdexcept>

#include "pipeline/evaluation/scoring/background_fit.h"
#include "pipeline/evaluation/scoring/score.h"

namespace reel::world {
namespace {

// A pixel whose colour varies by less than this over the whole clip does not change.
constexpr double kLeastRange = 0.1;
// The smallest even step that counts as one, in levels: below it nothing changes, and rounding would be
// measured.
constexpr double kLeastStep = 0.1;

/// How the frames follow each other. video: [F, 3, side, side] in [0, 1].
void score_course(const at::Tensor& video, const std::vector<int64_t>& knots, StageScores& score) {
  const int64_t steps = video.size(0) - 1;
  const auto distance = [&](int64_t a, int64_t b) {
    return (video[a] - video[b]).abs().mean().item<double>() * 255;
  };
  const at::Tensor change = (video.narrow(0, 1, steps) - video.narrow(0, 0, steps)).abs();
  double course = 0;
  for (size_t l = 1; l < knots.size(); ++l) course += distance(knots[l - 1], knots[l]);
  const double largest = change.mean(at::IntArrayRef{1, 2, 3}).max().item<double>() * 255;
  score.largest_step = largest / std::max(course / static_cast<double>(steps), kLeastStep);
  score.change = distance(0, steps);

  const at::Tensor range = std::get<0>((video.amax({0}) - video.amin({0})).max(0));  // [side, side]
  const at::Tensor jumps = (std::get<0>(change.max(1)) >= range / 2).logical_and(range > kLeastRange);
  score.jumping = jumps.to(at::kFloat).mean(at::IntArrayRef{1, 2}).max().item<double>();
}

}  // namespace

bool StageScores::all_right() const {
  return std::all_of(stages.begin(), stages.end(), [](const StageScore& stage) { return stage.right(); });
}

std::vector<int64_t> stage_frames(const std::vector<int64_t>& knots, size_t stage,
                                  guidance::PromptBlend blend) {
  const bool linear = blend == guidance::PromptBlend::kLinear;
  // A held stage is the same up to the next knot; more than a sixteenth of the neighbour
  // mixed in is taken for a part of the object.
  const int64_t part = linear ? 16 : 2;
  const auto reach = [&](int64_t from, int64_t to) { return std::min<int64_t>((to - from) / part, 2); };
  const int64_t knot = knots.at(stage);
  std::vector<int64_t> frames = {knot};
  if (stage > 0 && linear) {
    for (int64_t k = 1; k <= reach(knots[stage - 1], knot); ++k) frames.push_back(knot - k);
  }
  if (stage + 1 < knots.size()) {
    for (int64_t k = 1; k <= reach(knot, knots[stage + 1]); ++k) frames.push_back(knot + k);
  }
  return frames;
}

StageScorer::StageScorer(const World& world) : world_(world), bank_(world) {}

StageScores StageScorer::score(const at::Tensor& frames, const SceneStages& asked,
                               guidance::PromptBlend blend) const {
  check_frames(frames);
  for (const Scene& stage : asked.stages) {
    check_scene(world_, stage);
    if (stage.actors.size() != 1)
      throw std::invalid_argument(c10::str("[score] a stage has one object, got ", stage.actors.size()));
  }
  const std::vector<int64_t> knots =
      guidance::synopsis_knots(static_cast<int64_t>(asked.stages.size()), frames.size(0));
  const std::vector<Raster> clip = to_rasters(frames, kSide);
  StageScores result;
  for (size_t l = 0; l < knots.size(); ++l) {
    std::vector<Raster> near;
    for (const int64_t frame : stage_frames(knots, l, blend)) near.push_back(clip[frame]);
    const BackgroundFit background = fit_background(world_, near);
    const View view = view_over(std::move(near), background);
    const Recognition found = recognise(bank_, view, halve(view), kReachOfOne);
    const Scene& stage = asked.stages[l];
    result.stages.push_back({knots[l], found.sprite, background.index,
                             found.sprite == stage.actors.front().object,
                             background.index == stage.background});
  }
  score_course(at::adaptive_avg_pool2d(frames.permute({0, 3, 1, 2}).to(at::kFloat) / 255, {kSide, kSide}),
               knots, result);
  return result;
}

}  // namespace reel::world
