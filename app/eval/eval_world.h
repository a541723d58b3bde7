// Scenes of the emoji world as a subject: right objects, motions and backgrounds.
#pragma once

#include <memory>

#include "app/eval/eval_subject.h"

namespace reel::app {

/// Draws `options.prompts` scenes, or reads them from `options.prompts_file`. `world` and `options` must outlive
/// the subject.
std::unique_ptr<EvalSubject> make_world_subject(const world::World& world, const EvalOptions& options);

}  // namespace reel::app
