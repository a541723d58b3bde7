// The engine of a verb, and Ctrl-C.
#pragma once

#include <atomic>
#include <memory>

#include "app/session/common_options.h"
#include "pipeline/engine.h"

namespace reel::app {

/// What these options say of an engine. Sets the number of CPU threads. Throws: as place().
pipeline::EngineOptions engine_options(const CommonOptions& options);

/// An engine with all plug-ins, of engine_options().
std::unique_ptr<pipeline::Engine> make_engine(const CommonOptions& options);

/// A request that tells its progress on stderr as these options ask, and ends at Ctrl-C. Its access is that of a
/// graph which the program built for its user: whoever runs somebody else's graph sets another.
pipeline::Request make_request(const CommonOptions& options, pipeline::Graph graph,
                               std::vector<std::string> outputs = {});

/// Makes the folder of --output-dir, if it is given and not there. Throws: std::runtime_error.
void make_output_folder(const std::string& folder);

/// True after Ctrl-C (or SIGTERM), which asks a run to stop between steps; a second one ends the process at
/// once. The first call installs the handler; later calls change nothing.
const std::atomic<bool>& stop_request();

}  // namespace reel::app
