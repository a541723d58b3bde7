// Finds edits in a graph that change nothing on the model that they are given.
#pragma once

#include "pipeline/engine.h"

namespace reel::pipeline {

/// A Problem for each edit node whose edit changes nothing on the model that it is given. `reel graph check`
/// reports these after those of check(). Opens model folders, for their configurations, but no weights. Skips
/// a node whose model cannot be known without running, or is not on this machine; `notes` then says why. The
/// graph must be sound.
std::vector<Problem> misfitting_edits(Engine& engine, const Graph& graph, std::vector<std::string>& notes);

}  // namespace reel::pipeline
