// Runs requests: the one way in which jobs, lists of jobs, evaluations and graphs are computed.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/plugin_set.h"
#include "pipeline/run/engine_options.h"
#include "pipeline/run/request.h"
#include "pipeline/run/run.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

struct PlannedNode;  // pipeline/foresight/graph_foresight.h

/// Checks graphs and runs them: only what the wanted outputs need, only what is not cached. Remembers results
/// between runs by content: a node's key hashes its class and version, constants, the keys of what it is linked to,
/// device and dtype, and the stamps of files it reads; ids and titles do not count. Decisions: docs/adr/0002-cache.md.
///
/// Requests may run on several threads at once. They share networks and remembered results; each has a context,
/// a report, events and a stop of its own.
class Engine {
 public:
  /// `plugins` must outlive the engine.
  Engine(const Plugins& plugins, EngineOptions options);
  ~Engine();

  /// Throws, before anything runs: GraphError if the graph is unsound, what foresight finds (graph_foresight.h). Then
  /// Cancelled; std::invalid_argument for an
  /// unknown output; otherwise what a node threw, with "node 3 (KSampler): " in front: std::invalid_argument,
  /// std::runtime_error and c10::Error stay what they are, exhausted memory becomes a std::runtime_error,
  /// anything else a std::logic_error (a bug of the node).
  RunResult run(const Request& request);

  /// Throws what run() would throw of this request before its work, but for memory, and for what only remembered
  /// results tell.
  void foresee(const Request& request) const;

  /// What a run of a sound graph would meet, node by node, as far as that can be known without weights: unknown models,
  /// sizes and frames that a model does not take, outputs that cannot be written, more memory than there is.
  std::vector<Problem> foresee_problems(const Graph& graph, const WriteAccess& access) const;

  /// The shape [F, H, W, 3] of the VIDEO or IMAGE that a node of a sound graph will make; none if that is not known, or
  /// if what it needs has a fault.
  std::optional<std::vector<int64_t>> foresee_frames(const Graph& graph, const std::string& node) const;

  /// The outcome of a node that ran or was cached in a run; null if it is not kept (any more).
  std::shared_ptr<const Outcome> outcome(const RunResult& result, const std::string& node) const;

  const EngineOptions& options() const { return options_; }
  const Plugins& plugins() const { return plugins_; }
  ModelCache& models() const { return *models_; }

 private:
  RunContext new_context() const;
  /// The nodes that `outputs` need, all of them to be run.
  std::vector<PlannedNode> planned(const Graph& graph, std::span<const std::string> outputs) const;
  void look_ahead(const RunContext& context, const std::vector<Run::Part>& parts) const;
  int64_t host_memory() const;

  const Plugins& plugins_;
  EngineOptions options_;
  std::shared_ptr<ModelCache> models_;
  std::unique_ptr<EngineState> state_;
};

}  // namespace reel::pipeline
