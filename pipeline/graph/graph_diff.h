// Compares two graphs by meaning.
#pragma once

#include <string>
#include <vector>

#include "pipeline/graph/graph.h"

namespace reel::pipeline {

/// The differences by meaning, one line each. Nodes are matched by id, then by class and inputs; order,
/// layout, titles, numbering and 1 against 1.0 do not count. Empty: the graphs are equal.
std::vector<std::string> diff(const Graph& before, const Graph& after);

}  // namespace reel::pipeline
