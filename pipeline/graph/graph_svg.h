// Draws a graph as a picture.
#pragma once

#include <string>

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// SVG: nodes in columns by distance from their sources, links as curves.
std::string draw_svg(const NodeRegistry& registry, const Graph& graph);

}  // namespace reel::pipeline
