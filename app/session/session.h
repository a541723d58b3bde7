// The executor of a verb, and Ctrl-C.
#pragma once

#include <atomic>
#include <memory>

#include "app/session/common_options.h"
#include "pipeline/run/executor.h"

namespace reel::app {

/// An executor with all plug-ins. It reports progress on stderr, and Ctrl-C cancels its runs.
std::unique_ptr<pipeline::Executor> make_executor(const CommonOptions& options);

/// True after Ctrl-C (or SIGTERM), which asks a run to stop between steps; a second one ends the process at
/// once. The first call installs the handler; later calls change nothing.
const std::atomic<bool>& stop_request();

}  // namespace reel::app
