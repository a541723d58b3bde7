// One run of a graph: decides which nodes must run, given what the caches hold, and runs them.
#pragma once

#include "pipeline/run/cache.h"
#include "pipeline/run/disk_cache.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

/// What outlives a run.
struct ExecutorState {
  using Outcomes = std::map<std::string, std::shared_ptr<const Outcome>>;
  MemoryCache memory{0};
  std::unique_ptr<DiskCache> disk;          // null: none wanted
  std::map<std::string, std::string> keys;  // of the last run, by node id
  Outcomes wanted;                          // of the last run's outputs, by node id
  Outcomes shown;                           // that Executor::values handed out since
  std::string salt;                         // in the keys of nodes that are never cached: equal to no other
  uint64_t unique_keys = 0;
};

/// Does the work of Executor::run for a sound graph. It starts from the wanted nodes and goes backwards: a
/// node whose outcome is cached needs nothing more; any other node needs its sources. The nodes without an
/// outcome then run in order.
class Run {
 public:
  Run(const NodeRegistry& registry, RunContext& context, ExecutorState& state, const Graph& graph);
  /// Fills in the report's nodes; wanted outcomes go to the state.
  void execute(const std::vector<size_t>& wanted, Report& report);

 private:
  /// A node of this run.
  struct Task {
    const Node* node = nullptr;
    const NodeSpec* spec = nullptr;
    std::string key;
    std::vector<size_t> sources;             // tasks that it is linked to, each once
    std::shared_ptr<const Outcome> outcome;  // while a node may need it
    bool wanted = false, must_run = false, done = false;
    size_t consumers_left = 0;  // that have yet to run
    NodeReport report;
  };

  std::string make_key(const Task& task) const;
  std::shared_ptr<const Outcome> look_up(const Task& task, bool also_on_disk);
  void mark(std::vector<size_t> targets);
  void read_linked_paths(const Task& task);
  void run_marked();
  void run_task(Task& task);
  void release(Task& source);
  Inputs inputs_of(const Task& task) const;
  Value linked_value(const Task& task, const Socket& socket, const Link& link) const;
  void keep(Task& task, std::vector<Value> values);
  void report_progress(const Task& task, const char* stage) const;

  RunContext& context_;
  ExecutorState& state_;
  const Graph& graph_;
  const NodeRegistry& registry_;
  std::unordered_map<std::string_view, size_t> index_;
  std::vector<Task> tasks_;    // by position in the graph; only those in order_ are used
  std::vector<size_t> order_;  // what the wanted nodes need, sources first
};

}  // namespace reel::pipeline
