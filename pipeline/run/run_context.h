// What a node may use besides its inputs: options, registries, models, events and its report.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <set>
#include <string>

#include "attention/plugin/edit_registry.h"
#include "guidance/guider.h"
#include "guidance/scheduler.h"
#include "pipeline/graph/node.h"
#include "pipeline/run/access/write_access.h"
#include "pipeline/run/engine_options.h"
#include "pipeline/run/event.h"
#include "pipeline/run/report.h"

namespace reel::pipeline {

/// Thrown between steps if the request was stopped; finished nodes stay cached.
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

class ModelCache;  // pipeline/run/model_cache.h

/// One for each run: runs side by side share what they point to, and nothing else.
class RunContext {
 public:
  EngineOptions options;
  const attention::EditRegistry* edits = nullptr;
  const guidance::SchedulerRegistry* schedulers = nullptr;
  const guidance::GuiderRegistry* guiders = nullptr;
  std::shared_ptr<ModelCache> models;  // networks, shared by all runs of an engine
  WriteAccess access;                  // where the run may write
  bool recurs = true;                  // Request::recurs
  NodeReport* report = nullptr;        // of the node that runs
  Report* run_report = nullptr;        // of the whole run
  std::string title;                   // of the node that runs: its title or class
  std::string graph_json;              // the graph as it runs, for recipes
  std::string recipe_json;             // further facts for the recipe (options, model hashes, version)
  std::string request;                 // Request::id
  const std::atomic<bool>* stop = nullptr;
  Listener listener;
  std::set<std::string> files_of_run;  // that unused_in_run() gave, links followed

  /// Reports `done` of `all`, and throws Cancelled if the request was stopped. `picture`: of the work so far.
  void step(int64_t done, int64_t all, const Picture& picture = {}) const;
  void warn(const std::string& message) const;
  /// `path`, or, if a node of this run asked for it before, the same with a number: `maps-2.safetensors`.
  std::string unused_in_run(const std::string& path);
  /// Tells the listener, if there is one.
  template <class What>
  void tell(What what) const {
    if (listener) listener({request, std::move(what)});
  }
  void throw_if_stopped() const {
    if (stop && *stop) throw Cancelled();
  }
};

}  // namespace reel::pipeline
