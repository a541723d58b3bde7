// What is wrong with a graph before it runs, and the order in which it would.
#pragma once

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// Inputs that a node's class does not declare: ignored when the graph runs, as in ComfyUI, so they are
/// warnings. (One whose name is nearly that of a declared input which is absent counts as a mistake: check()
/// reports it.)
std::vector<Problem> undeclared_inputs(const NodeRegistry& registry, const Graph& graph);

/// The nodes that `wanted` (indices into the graph) need, themselves included, each after all that it needs;
/// in the order of `wanted`, depth first, so that the first output is ready early. Links to absent nodes are
/// passed over; in a cycle the order is arbitrary.
std::vector<size_t> order_of_execution(const NodeRegistry& registry, const Graph& graph,
                                       const std::vector<size_t>& wanted);

/// The nodes named by `outputs`, or for {} every sink.
/// Throws: std::invalid_argument for an id that the graph does not have (with the nearest).
std::vector<size_t> wanted_nodes(const NodeRegistry& registry, const Graph& graph,
                                 std::span<const std::string> outputs);

}  // namespace reel::pipeline
