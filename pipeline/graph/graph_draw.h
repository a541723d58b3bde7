// Draws a graph as text.
#pragma once

#include <string>

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// One line for each node, in order of execution, with links (`clip <- 1.CLIP`), constants (`steps=20`) and
/// outputs. A graph that cannot run is drawn too; the text marks what is missing.
std::string draw_text(const NodeRegistry& registry, const Graph& graph);

/// The graph in Graphviz's DOT language.
std::string draw_dot(const NodeRegistry& registry, const Graph& graph);

}  // namespace reel::pipeline
