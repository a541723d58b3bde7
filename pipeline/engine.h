// Runs requests: the one way in which jobs, lists of jobs, evaluations and graphs are computed.
#pragma once

#include <memory>
#include <string>

#include "pipeline/plugin_set.h"
#include "pipeline/run/engine_options.h"
#include "pipeline/run/request.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

struct EngineState;  // pipeline/run/run.h: what runs share

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

  /// Throws: GraphError before anything runs if the graph is unsound; Cancelled; std::invalid_argument for an
  /// unknown output; otherwise what a node threw, with "node 3 (KSampler): " in front: std::invalid_argument,
  /// std::runtime_error and c10::Error stay what they are, exhausted memory becomes a std::runtime_error,
  /// anything else a std::logic_error (a bug of the node).
  RunResult run(const Request& request);

  /// The outcome of a node that ran or was cached in a run; null if it is not kept (any more).
  std::shared_ptr<const Outcome> outcome(const RunResult& result, const std::string& node) const;

  const EngineOptions& options() const { return options_; }
  const Plugins& plugins() const { return plugins_; }
  ModelCache& models() const { return *models_; }

 private:
  const Plugins& plugins_;
  EngineOptions options_;
  std::shared_ptr<ModelCache> models_;
  std::unique_ptr<EngineState> state_;
};

}  // namespace reel::pipeline
