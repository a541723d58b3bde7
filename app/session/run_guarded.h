// How errors reach the user.
#pragma once

#include "app/session/notes.h"
#include "app/verbs.h"

namespace reel::app {

/// Runs `action`. If it throws, prints one paragraph on stderr (an event if the voice has those; with `voice.json` also
/// an object on stdout), which names the job of a list, and returns the exit code that belongs to the error.
int run_guarded(const Voice& voice, const Action& action, const ListPlace& place = {});

}  // namespace reel::app
