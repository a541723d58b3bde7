#include "pipeline/run/executor.h"

#include <random>

#include "pipeline/graph/check.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/graph/graph_order.h"
#include "pipeline/run/run.h"

namespace reel::pipeline {

Executor::Executor(const NodeRegistry& registry, RunContext context)
    : registry_(registry), context_(std::move(context)), state_(std::make_unique<ExecutorState>()) {
  std::random_device random;
  for (int i = 0; i < 4; ++i) state_->salt += std::to_string(random()) + " ";
}

Executor::~Executor() = default;

Report Executor::run(const Graph& graph, std::span<const std::string> outputs) {
  if (auto problems = check(registry_, graph, outputs); !problems.empty())
    throw GraphError(std::move(problems));
  const RunOptions& options = context_.options;
  state_->keys.clear(), state_->wanted.clear(), state_->shown.clear();
  state_->memory.set_budget(options.cache_bytes);
  if (options.cache_dir.empty()) {
    state_->disk.reset();
  } else if (!state_->disk || state_->disk->folder() != options.cache_dir) {
    state_->disk = std::make_unique<DiskCache>(options.cache_dir, options.disk_cache_bytes, context_.edits);
  }
  Report report;
  context_.graph_json = write_graph(graph);
  context_.run_report = &report;
  struct Reset {  // the context outlives the report, also when a node throws
    RunContext& context;
    ~Reset() { context.run_report = nullptr, context.report = nullptr; }
  } reset{context_};
  for (const Problem& problem : undeclared_inputs(registry_, graph)) context_.warn(problem.text());
  Run(registry_, context_, *state_, graph).execute(wanted_nodes(registry_, graph, outputs), report);
  return report;
}

const std::vector<Value>* Executor::values(const std::string& node) const {
  if (const auto found = state_->wanted.find(node); found != state_->wanted.end())
    return &found->second->values;
  const auto key = state_->keys.find(node);
  if (key == state_->keys.end()) return nullptr;
  auto& outcome = state_->shown[node];
  if (!outcome) outcome = state_->memory.find(key->second);
  if (!outcome && state_->disk)
    outcome = state_->disk->find(key->second, context_.options.device, [](const std::string&) {});
  return outcome ? &outcome->values : nullptr;
}

}  // namespace reel::pipeline
