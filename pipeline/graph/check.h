// Finds what is wrong with a graph before it runs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// Every problem of the graph (at most 1,000): unknown classes, missing or misspelt inputs, wrong types,
/// values out of range, dangling links, cycles, no output. Empty: the graph can run. With `outputs`, only the
/// nodes that these need are checked, and all nodes for unknown classes. An input that the class does not
/// declare is no problem (undeclared_inputs() lists it), unless its name is nearly that of a declared input
/// that is absent.
std::vector<Problem> check(const NodeRegistry& registry, const Graph& graph,
                           std::span<const std::string> outputs = {});

/// Inputs that a node's class does not declare. A run ignores them, as ComfyUI does, so they are warnings. An
/// input whose name is nearly that of an absent declared one is a mistake, which check() reports instead.
std::vector<Problem> undeclared_inputs(const NodeRegistry& registry, const Graph& graph);

}  // namespace reel::pipeline
