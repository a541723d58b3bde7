// Checks graphs and runs them: only what the wanted outputs need, only what is not cached.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>

#include "attention/plugin/edit_registry.h"
#include "guidance/scheduler.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// Thrown between steps when the user asked to stop; finished nodes stay cached.
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// Makes a picture, uint8 [H, W, 3] on the CPU, of what a node has so far.
using Picture = std::function<at::Tensor()>;

/// What happens during a run, for progress bars and event streams.
struct Progress {
  std::string node, title;    // id, and class or title
  std::string stage;          // "start", "step", "done", "cached", "warning", "preview"
  int64_t done = 0, all = 0;  // of the node's own work
  std::string message;        // for warnings
  // With "step", from nodes that have one: costs nothing unless called, which may be done before the listener
  // returns and changes no result.
  Picture picture = {};
  std::string file = {};  // for "preview", which a listener that wrote a picture adds: where it lies
};

struct RunOptions {
  at::Device device = at::kCPU;
  std::optional<at::ScalarType> dtype;   // empty: the device's best for this model
  size_t cache_bytes = size_t{4} << 30;  // outputs kept in memory for later runs
  std::vector<std::string> models_dirs;  // where models are looked for by name, before the usual places
  std::string cache_dir;                 // outputs kept on disk for later processes; empty: none
  size_t disk_cache_bytes = size_t{8} << 30;
  std::function<void(const Progress&)> progress;
  const std::atomic<bool>* cancel = nullptr;
};

/// What became of one node.
struct NodeReport {
  std::string id, spec;
  bool cached = false;
  double seconds = 0;
  int64_t peak_bytes = 0;  // resident memory of the process while it ran: exact if the node set a new record,
                           // else the largest of what was seen at its beginning, steps and end
  std::map<std::string, std::string> facts;  // e.g. "seed", "path", "step_median_s"
  std::vector<attention::EditReport> edits;
};

/// Every node that the wanted outputs need; `cached` for those that did not have to run, be it because their
/// result was remembered or because nothing that ran needed it.
struct Report {
  std::vector<NodeReport> nodes;  // in order of execution
  std::vector<std::string> warnings;
  const NodeReport* find(const std::string& id) const;
};

struct ExecutorState;  // pipeline/run/run.h: what outlives a run
class ModelCache;  // pipeline/run/model_cache.h: networks, text encoders and VAEs built during a run, shared
                   // by key

/// What a node may use besides its inputs.
class RunContext {
 public:
  RunOptions options;
  const attention::EditRegistry* edits = nullptr;
  const guidance::SchedulerRegistry* schedulers = nullptr;
  std::shared_ptr<ModelCache> models;
  NodeReport* report = nullptr;  // of the node that runs
  Report* run_report = nullptr;  // of the whole run
  std::string title;             // of the node that runs: its title or class
  std::string graph_json;        // the graph as it runs, for recipes
  std::string recipe_json;       // further facts for the recipe (options, model hashes, version)

  /// Reports `done` of `all`, and throws Cancelled if the user asked to stop. `picture`: of the work so far.
  void step(int64_t done, int64_t all, const Picture& picture = {}) const;
  void warn(const std::string& message) const;
};

/// Every problem of the graph (at most 1,000): unknown classes, missing or misspelt inputs, wrong types,
/// values out of range, dangling links, cycles, no output. Empty: it can run. With `outputs`, only nodes that
/// these need are looked at, besides unknown classes. Inputs that a class does not declare are no problem,
/// unless the name is nearly that of a declared input that is absent: undeclared_inputs() in
/// pipeline/graph/check.h lists the others.
std::vector<Problem> check(const NodeRegistry& registry, const Graph& graph,
                           std::span<const std::string> outputs = {});

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
