// Edits of a graph on models that they do not fit.
#pragma once

#include "pipeline/run/run_context.h"

namespace reel::pipeline {

/// What `reel graph check` says beyond check(): a Problem for each edit node whose edit changes nothing on
/// the model that it is given. Opens model folders, for their configurations, but no weights. Nodes whose
/// model cannot be known without running (or found on this machine) are passed over; `notes` then says why.
/// The graph must be sound.
std::vector<Problem> misfitting_edits(const NodeRegistry& registry, const RunContext& context,
                                      const Graph& graph, std::vector<std::string>& notes);

}  // namespace reel::pipeline
