// What a node may use besides its inputs: options, registries, models, progress and its report.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attention/plugin/edit_registry.h"
#include "guidance/scheduler.h"
#include "pipeline/graph/node.h"
#include "pipeline/run/report.h"

namespace reel::pipeline {

/// Thrown between steps if the user asked to stop; finished nodes stay cached.
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// Makes a picture, uint8 [H, W, 3] on the CPU, of what a node has so far.
using Picture = std::function<at::Tensor()>;

/// One event of a run, for progress bars and event streams.
struct Progress {
  std::string node, title;    // id, and class or title
  std::string stage;          // "start", "step", "done", "cached", "warning", "preview"
  int64_t done = 0, all = 0;  // of the node's own work
  std::string message;        // for warnings
  /// With "step", from nodes that have a picture. It costs nothing unless the listener calls it, which it may
  /// do until it returns; the call changes no result.
  Picture picture = {};
  std::string file = {};  // with "preview", sent by the listener that wrote a picture: its path
};

struct RunOptions {
  at::Device device = at::kCPU;
  std::optional<at::ScalarType> dtype;   // empty: the device's best for this model
  size_t cache_bytes = size_t{4} << 30;  // outputs kept in memory for later runs
  std::vector<std::string> models_dirs;  // searched for models by name, before the usual places
  std::string cache_dir;                 // keeps outputs on disk for later processes; empty: none
  size_t disk_cache_bytes = size_t{8} << 30;
  std::function<void(const Progress&)> progress;
  const std::atomic<bool>* cancel = nullptr;
};

class ModelCache;  // pipeline/run/model_cache.h

/// What a node may use besides its inputs.
class RunContext {
 public:
  RunOptions options;
  const attention::EditRegistry* edits = nullptr;
  const guidance::SchedulerRegistry* schedulers = nullptr;
  std::shared_ptr<ModelCache> models;  // networks built during a run, shared by key
  NodeReport* report = nullptr;        // of the node that runs
  Report* run_report = nullptr;        // of the whole run
  std::string title;                   // of the node that runs: its title or class
  std::string graph_json;              // the graph as it runs, for recipes
  std::string recipe_json;             // further facts for the recipe (options, model hashes, version)

  /// Reports `done` of `all`, and throws Cancelled if the user asked to stop. `picture`: of the work so far.
  void step(int64_t done, int64_t all, const Picture& picture = {}) const;
  void warn(const std::string& message) const;
};

}  // namespace reel::pipeline
