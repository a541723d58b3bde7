// Progress on stderr: a bar on a terminal, JSON lines on request, nothing into a pipe.
#pragma once

#include <functional>

#include "app/app.h"

namespace reel::app {

/// What RunOptions::progress should be for these options.
std::function<void(const pipeline::Progress&)> make_progress(const CommonOptions& options);

}  // namespace reel::app
