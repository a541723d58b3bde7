// Which nodes a run needs, and in which order.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// The nodes that `wanted` (indices into the graph) need, themselves included. Each node comes after all that
/// it needs; the order follows `wanted`, depth first, so that the first output is ready early. Links to
/// absent nodes are ignored; in a cycle the order is arbitrary.
std::vector<size_t> order_of_execution(const NodeRegistry& registry, const Graph& graph,
                                       const std::vector<size_t>& wanted);

/// The indices of the nodes named by `outputs`, or for {} of every sink.
/// Throws: std::invalid_argument for an id that the graph does not have (with the nearest).
std::vector<size_t> wanted_nodes(const NodeRegistry& registry, const Graph& graph,
                                 std::span<const std::string> outputs);

}  // namespace reel::pipeline
