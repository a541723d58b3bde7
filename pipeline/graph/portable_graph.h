// Graphs as they are given away in recipes.
#pragma once

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// The graph with the last part only of each path that is a constant: recipes travel, and the folders of their maker
/// are nobody's business.
Graph portable_graph(const NodeRegistry& registry, Graph graph);

/// The last part of a path: `model` of `/home/me/model/`.
std::string last_part(const std::string& path);

}  // namespace reel::pipeline
