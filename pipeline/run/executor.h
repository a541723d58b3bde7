// Checks graphs and runs them: only what the wanted outputs need, only what is not cached.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"
#include "pipeline/run/report.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

struct ExecutorState;  // pipeline/run/run.h: what outlives a run

/// Runs graphs and remembers results between runs by content: a node's key hashes its class and version,
/// constants, the keys of what it is linked to, device and dtype, and the stamps of files it reads; ids and
/// titles do not count. Decisions: docs/adr/0002-cache.md.
class Executor {
 public:
  Executor(const NodeRegistry& registry, RunContext context);
  ~Executor();
  /// Runs what `outputs` (node ids; {} means every sink) need.
  /// Throws: GraphError before anything runs if the graph is unsound; Cancelled; std::invalid_argument for an
  /// unknown output; otherwise what a node threw, with "node 3 (KSampler): " in front: std::invalid_argument,
  /// std::runtime_error and c10::Error stay what they are, exhausted memory becomes a std::runtime_error,
  /// anything else a std::logic_error (a bug of the node).
  Report run(const Graph& graph, std::span<const std::string> outputs = {});
  /// The values of a node that ran or was cached in the last run; null if there are none (any more). Valid
  /// until the next run.
  const std::vector<Value>* values(const std::string& node) const;
  RunContext& context() { return context_; }

 private:
  const NodeRegistry& registry_;
  RunContext context_;
  std::unique_ptr<ExecutorState> state_;
};

}  // namespace reel::pipeline
