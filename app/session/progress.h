// Progress on stderr: a bar on a terminal, JSON lines on request, nothing into a pipe.
#pragma once

#include <functional>

#include "app/session/common_options.h"
#include "pipeline/run/run_context.h"

namespace reel::app {

/// The listener that these options ask for, for RunOptions::progress; empty: none.
std::function<void(const pipeline::Progress&)> make_progress(const CommonOptions& options);

}  // namespace reel::app
