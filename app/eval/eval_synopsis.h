// Synopses of the emoji world as a subject: right content at each stage, and an even way between them.
#pragma once

#include <memory>

#include "app/eval/eval_subject.h"

namespace reel::app {

/// Draws `options.prompts` synopses of `options.stages` stages. `world` and `options` must outlive the
/// subject.
std::unique_ptr<EvalSubject> make_synopsis_subject(const world::World& world, const EvalOptions& options);

}  // namespace reel::app
