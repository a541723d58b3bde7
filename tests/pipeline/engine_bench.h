// An engine for tests: graphs in, reports and values out.
#pragma once

#include "pipeline/engine.h"

namespace reel::pipeline {

class EngineBench {
 public:
  explicit EngineBench(const Plugins& plugins, EngineOptions options = {})
      : engine(plugins, std::move(options)) {}

  Engine engine;
  Request request;   // what all runs have in common, as its stop and listener
  RunResult result;  // of the last run

  Report run(const Graph& graph, const std::vector<std::string>& outputs = {}) {
    Request own = request;
    own.graph = graph, own.outputs = outputs;
    own.access.named = all_inputs(graph);  // a test trusts its graphs
    result = {}, seen_.clear();
    result = engine.run(own);
    return result.report;
  }

  /// The values of a node in the last run; null if they are not kept.
  const std::vector<Value>* values(const std::string& node) {
    auto& outcome = seen_[node];
    if (!outcome) outcome = engine.outcome(result, node);
    return outcome ? &outcome->values : nullptr;
  }

 private:
  std::map<std::string, std::shared_ptr<const Outcome>> seen_;
};

}  // namespace reel::pipeline
