// Progress on stderr: a bar on a terminal, JSON lines on request, nothing into a pipe.
#pragma once

#include "app/session/common_options.h"
#include "pipeline/run/event.h"

namespace reel::app {

/// The listener that these options ask for; empty: none.
pipeline::Listener make_progress(const CommonOptions& options);

}  // namespace reel::app
