// Parts of `reel graph` that have a file of their own.
#pragma once

#include "app/app.h"

namespace reel::app {

/// Adds `run` below `reel graph`.
void add_graph_run_verb(CLI::App& graph, Action& action);

/// Splits `target=value` at the first `=`. Throws: std::invalid_argument, naming `example`, if there is none.
std::pair<std::string, std::string> split_assignment(const std::string& text, const std::string& example);

}  // namespace reel::app
