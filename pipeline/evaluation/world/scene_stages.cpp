#include "pipeline/evaluation/world/scene_stages.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <set>
#include <stdexcept>

namespace reel::world {

SceneStages sample_stages(const World& world, Dice& dice, StageChange change, int stages) {
  const bool background = change == StageChange::kBackground;
  const size_t choices = background ? world.backgrounds.size() : world.objects.size();
  if (stages < 1 || static_cast<size_t>(stages) > choices) {
    throw std::invalid_argument(c10::str("[synopsis] stages of different ",
                                         background ? "backgrounds" : "objects", " must number 1 to ",
                                         choices, " in this world, got ", stages));
  }
  SceneStages scenes{change, {sample_scene(world, dice, 0)}};
  const auto changing = [&](Scene& scene) -> int& {
    return background ? scene.background : scene.actors.front().object;
  };
  std::set<int> used = {changing(scenes.stages.front())};
  while (scenes.stages.size() < static_cast<size_t>(stages)) {
    const int drawn = dice.below(choices);
    if (!used.insert(drawn).second) continue;
    scenes.stages.push_back(scenes.stages.front());
    changing(scenes.stages.back()) = drawn;
  }
  return scenes;
}

std::string text_of(const World& world, const SceneStages& scenes) {
  std::string text;
  for (const Scene& stage : scenes.stages) text += (text.empty() ? "" : "; ") + prompt_of(world, stage);
  return text;
}

at::Tensor render_stages(const World& world, const SceneStages& scenes, guidance::PromptBlend blend,
                         Dice& dice, RenderSize size) {
  const int64_t frames = size.num_frames ? size.num_frames : world.num_frames;
  const auto stages = static_cast<int64_t>(scenes.stages.size());
  // What each stage has of each frame, [F, L]: unit vectors in place of contexts.
  const at::Tensor shares = guidance::schedule_contexts(guidance::synopsis_knots(stages, frames),
                                                        at::eye(stages).unsqueeze(1), frames, blend)
                                .view({frames, stages, 1, 1, 1});
  const Take drawn = sample_take(world, scenes.stages.front(), dice);
  const double horizon = dice.in(world.horizon);
  at::Tensor video;
  for (int64_t l = 0; l < stages; ++l) {
    const Scene& stage = scenes.stages[l];
    Take take = drawn;
    take.horizon = world.backgrounds.at(stage.background).ground ? horizon : 1;
    const at::Tensor part = shares.select(1, l) * render(world, stage, take, size);
    video = video.defined() ? video + part : part;
  }
  return video;
}

}  // namespace reel::world
