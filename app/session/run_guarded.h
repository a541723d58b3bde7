// How errors reach the user.
#pragma once

#include "app/verbs.h"

namespace reel::app {

/// Runs `action`. If it throws, prints one paragraph on stderr (with `json`, also an object on stdout) and
/// returns the exit code that belongs to the error.
int run_guarded(bool json, const Action& action);

}  // namespace reel::app
