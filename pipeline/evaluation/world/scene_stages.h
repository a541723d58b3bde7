// Stages of a video of the closed world: scenes that turn into one another in one visible way.
#pragma once

#include "guidance/synopsis.h"
#include "pipeline/evaluation/world/render.h"

namespace reel::world {

/// What differs from stage to stage; everything else stays the same.
enum class StageChange { kBackground, kObject };

struct SceneStages {
  StageChange change = StageChange::kBackground;
  std::vector<Scene> stages;  // one object each, with the same motion; no two stages are the same
};

/// Draws everything uniformly and independently. Throws: std::invalid_argument if the world has fewer
/// backgrounds (or objects) than stages, or for fewer than one stage.
SceneStages sample_stages(const World& world, Dice& dice, StageChange change, int stages);

/// The prompts of the stages, written as guidance::read_synopsis reads them: `a dog bouncing on grass; a dog
/// bouncing at sea`.
std::string text_of(const World& world, const SceneStages& scenes);

/// The truth of the stages, float [F, 3, H, W] in [0, 1]: one take whose object moves through the whole clip.
/// The stages are blended as the contexts of the prompts are, at the knots of guidance::synopsis_knots:
/// cross-fades (linear) or hard switches (hold).
at::Tensor render_stages(const World& world, const SceneStages& scenes, guidance::PromptBlend blend,
                         Dice& dice, RenderSize size = {});

}  // namespace reel::world
