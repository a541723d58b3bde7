// One run of a graph: decides which nodes must run, given what the caches hold, and runs them.
#pragma once

#include <atomic>
#include <functional>

#include "pipeline/run/cache.h"
#include "pipeline/run/disk_cache.h"
#include "pipeline/run/request.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

/// What the runs of an engine share. Its members may be used from several threads at once.
struct EngineState {
  explicit EngineState(size_t cache_bytes) : memory(cache_bytes) {}
  MemoryCache memory;
  std::unique_ptr<DiskCache> disk;  // null: none wanted
  std::string salt;                 // in the keys of nodes that are never cached: equal to no other
  std::atomic<uint64_t> unique_keys = 0;
};

/// Does the work of Engine::run for a sound graph. It starts from the wanted nodes and goes backwards: a
/// node whose outcome is cached needs nothing more; any other node needs its sources. The nodes without an
/// outcome then run in order.
class Run {
 public:
  /// Fills in the result's keys, nodes of the report, and wanted outcomes.
  Run(const NodeRegistry& registry, RunContext& context, EngineState& state, const Graph& graph,
      RunResult& result);
  /// A node that takes part in the run.
  struct Part {
    const Node* node;
    const NodeSpec* spec;
    const Outcome* outcome;  // null: the node must run
  };
  /// Sees, in order, the nodes that must run and the results that they start from, and throws if the work should not
  /// begin.
  using BeforeWork = std::function<void(const std::vector<Part>&)>;
  void execute(const std::vector<size_t>& wanted, const BeforeWork& before_work = {});

 private:
  /// A node of this run.
  struct Task {
    const Node* node = nullptr;
    const NodeSpec* spec = nullptr;
    std::string key;
    std::vector<size_t> sources;             // tasks that it is linked to, each once
    std::shared_ptr<const Outcome> outcome;  // while a node may need it
    bool wanted = false, must_run = false, done = false;
    bool seeded = false;        // depends on a seed
    size_t consumers_left = 0;  // that have yet to run
    NodeReport report;
  };

  std::string make_key(const Task& task) const;
  std::shared_ptr<const Outcome> look_up(const Task& task, bool also_on_disk);
  void mark(std::vector<size_t> targets);
  void read_linked_paths(const Task& task);
  void run_marked();
  void run_task(Task& task);
  std::vector<Value> run_node(const Task& task);
  void release(Task& source);
  Inputs inputs_of(const Task& task) const;
  Value linked_value(const Task& task, const Socket& socket, const Link& link) const;
  void keep(Task& task, std::vector<Value> values);
  static NodeName name_of(const Task& task);
  static void show_again(Task& task, const std::shared_ptr<const Outcome>& known);

  RunContext& context_;
  EngineState& state_;
  const Graph& graph_;
  RunResult& result_;
  const NodeRegistry& registry_;
  std::unordered_map<std::string_view, size_t> index_;
  std::vector<Task> tasks_;    // by position in the graph; only those in order_ are used
  std::vector<size_t> order_;  // what the wanted nodes need, sources first
};

}  // namespace reel::pipeline
