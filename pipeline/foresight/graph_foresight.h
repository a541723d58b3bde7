// Leads foresight through a graph.
#pragma once

#include <vector>

#include "pipeline/foresight/foresight.h"

namespace reel::pipeline {

/// A node of a graph that is about to run.
struct PlannedNode {
  const Node* node = nullptr;
  const NodeSpec* spec = nullptr;
  const std::vector<Value>* result = nullptr;  // known already; null: the node will run
};

/// Looks at each node; `nodes` in order of execution. Links to nodes that are not among them are unknown values.
void foresee(Foresight& foresight, const std::vector<PlannedNode>& nodes);

/// Throws what was found, if anything: what the run would have thrown, with the node's place in front; of several
/// faults a GraphError with all, or a std::runtime_error if none is the graph's own. Then TooLittleMemory if more than
/// `memory` bytes are needed.
void throw_faults(const Foresight& foresight, int64_t memory);

}  // namespace reel::pipeline
