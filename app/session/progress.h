// Progress on stderr: a bar on a terminal, JSON lines on request, nothing into a pipe.
#pragma once

#include "app/session/common_options.h"
#include "app/session/notes.h"
#include "pipeline/run/event.h"

namespace reel::app {

/// The listener that these options ask for, for a job in that place of a list; empty: none.
pipeline::Listener make_progress(const CommonOptions& options, const ListPlace& place = {});

}  // namespace reel::app
