#include "pipeline/engine.h"

#include <random>

#include "pipeline/graph/check.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/graph/graph_order.h"
#include "pipeline/run/model_cache.h"
#include "pipeline/run/run.h"

namespace reel::pipeline {

Engine::Engine(const Plugins& plugins, EngineOptions options)
    : plugins_(plugins),
      options_(std::move(options)),
      models_(std::make_shared<ModelCache>(plugins.families, options_.device, options_.dtype,
                                           options_.model_bytes)),
      state_(std::make_unique<EngineState>(options_.cache_bytes)) {
  std::random_device random;
  for (int i = 0; i < 4; ++i) state_->salt += std::to_string(random()) + " ";
  if (!options_.cache_dir.empty())
    state_->disk = std::make_unique<DiskCache>(options_.cache_dir, options_.disk_cache_bytes, &plugins.edits);
}

Engine::~Engine() = default;

RunResult Engine::run(const Request& request) {
  if (auto problems = check(plugins_.nodes, request.graph, request.outputs); !problems.empty())
    throw GraphError(std::move(problems));
  RunResult result;
  RunContext context;
  context.options = options_;
  context.edits = &plugins_.edits, context.schedulers = &plugins_.schedulers;
  context.guiders = &plugins_.guiders, context.models = models_;
  context.run_report = &result.report;
  context.graph_json = write_graph(request.graph), context.recipe_json = request.recipe;
  context.request = request.id, context.stop = request.stop, context.listener = request.listener;
  for (const Problem& problem : undeclared_inputs(plugins_.nodes, request.graph))
    context.warn(problem.text());
  const auto failed = [&context](const std::string& message, bool stopped = false) {
    context.tell(Failed{
        {context.report ? context.report->id : "", context.report ? context.title : ""}, message, stopped});
  };
  try {
    Run(plugins_.nodes, context, *state_, request.graph, result)
        .execute(wanted_nodes(plugins_.nodes, request.graph, request.outputs));
  } catch (const Cancelled& stop) {
    failed(stop.what(), /*stopped=*/true);
    throw;
  } catch (const c10::Error& error) {
    failed(error.what_without_backtrace());
    throw;
  } catch (const std::exception& error) {
    failed(error.what());
    throw;
  }
  return result;
}

std::shared_ptr<const Outcome> Engine::outcome(const RunResult& result, const std::string& node) const {
  if (const auto found = result.wanted.find(node); found != result.wanted.end()) return found->second;
  const auto key = result.keys.find(node);
  if (key == result.keys.end()) return nullptr;
  auto outcome = state_->memory.find(key->second);
  if (!outcome && state_->disk)
    outcome = state_->disk->find(key->second, options_.device, [](const std::string&) {});
  return outcome;
}

}  // namespace reel::pipeline
