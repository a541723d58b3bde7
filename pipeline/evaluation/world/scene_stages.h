// Synopses of the closed world: scenes that turn into one another in one visible way.
#pragma once

#include "guidance/synopsis.h"
#include "pipeline/evaluation/world/render.h"

namespace reel::world {

/// What differs from stage to stage; everything else stays.
enum class StageChange { kBackground, kObject };

struct Synopsis {
  StageChange change = StageChange::kBackground;
  std::vector<Scene> stages;  // one object each, with the same motion; no two stages are the same
};

/// Everything uniform and independent. Throws: std::invalid_argument if the world has fewer backgrounds (or
/// objects) than stages, or for less than one stage.
Synopsis sample_synopsis(const World& world, Dice& dice, StageChange change, int stages);

/// The prompts of the stages as guidance::read_synopsis reads them: `a dog bouncing on grass; a dog bouncing
/// at sea`.
std::string text_of(const World& world, const Synopsis& synopsis);

/// The truth of a synopsis, float [F, 3, H, W] in [0, 1]: one take, whose object moves through the whole
/// clip, and whose stages are blended as the contexts of the prompts are, at the knots of
/// guidance::synopsis_knots: cross-fades (linear) or hard switches (hold).
at::Tensor render_synopsis(const World& world, const Synopsis& synopsis, guidance::PromptBlend blend,
                           Dice& dice, RenderSize size = {});

}  // namespace reel::world
