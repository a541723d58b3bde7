// One graph to be run, and what came of it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/graph/graph.h"
#include "pipeline/run/access/write_access.h"
#include "pipeline/run/cache.h"
#include "pipeline/run/event.h"
#include "pipeline/run/report.h"

namespace reel::pipeline {

struct Request {
  Graph graph;
  std::vector<std::string> outputs = {};  // node ids; none: every sink
  std::string id = {};                    // events carry it
  std::string recipe = {};                // JSON, stored in files beside the graph (options, model hashes)
  WriteAccess access = {};                // where it may write
  /// False: what depends on a seed is not kept for later runs. A list of jobs has a seed for each, so that nothing of
  /// it comes again but texts and models.
  bool recurs = true;
  const std::atomic<bool>* stop = nullptr;  // true: the run ends between steps
  Listener listener = {};                   // may be empty
};

/// What a run made. Engine::outcome finds the values of its nodes.
struct RunResult {
  Report report;
  std::map<std::string, std::string> keys;                       // by node id
  std::map<std::string, std::shared_ptr<const Outcome>> wanted;  // of the request's outputs, by node id
};

}  // namespace reel::pipeline
