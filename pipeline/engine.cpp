#include "pipeline/engine.h"

#include <limits>
#include <random>

#include "pipeline/foresight/graph_foresight.h"
#include "pipeline/graph/check.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/graph/graph_order.h"
#include "pipeline/graph/portable_graph.h"
#include "pipeline/process_memory.h"
#include "pipeline/run/model_cache.h"

namespace reel::pipeline {
namespace {

/// Values that take less than this part of the memory come from networks that fit, too: a map of a denoiser has some
/// twenty times the bytes of its video.
constexpr int64_t kWorthPlanning = 64;

}  // namespace

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

int64_t Engine::host_memory() const {
  return options_.host_bytes ? options_.host_bytes : machine_memory().total;
}

/// Throws what the run would meet, before it begins. Networks are planned only if the sizes are worth it.
void Engine::look_ahead(const RunContext& context, const std::vector<Run::Part>& parts) const {
  std::vector<PlannedNode> nodes;
  for (const Run::Part& part : parts)
    nodes.push_back({part.node, part.spec, part.outcome ? &part.outcome->values : nullptr});
  Foresight values(context);
  pipeline::foresee(values, nodes);
  throw_faults(values, host_memory());
  if (values.tensor_peak() < host_memory() / kWorthPlanning) return;
  Foresight networks(context);
  networks.plan_networks();
  pipeline::foresee(networks, nodes);
  throw_faults(networks, host_memory());
}

std::vector<PlannedNode> Engine::planned(const Graph& graph, std::span<const std::string> outputs) const {
  std::vector<PlannedNode> nodes;
  for (const size_t i :
       order_of_execution(plugins_.nodes, graph, wanted_nodes(plugins_.nodes, graph, outputs)))
    nodes.push_back({&graph.nodes[i], plugins_.nodes.find(graph.nodes[i].spec), nullptr});
  return nodes;
}

void Engine::foresee(const Request& request) const {
  if (auto problems = check(plugins_.nodes, request.graph, request.outputs); !problems.empty())
    throw GraphError(std::move(problems));
  RunContext context = new_context();
  context.access = request.access;
  Foresight foresight(context);
  pipeline::foresee(foresight, planned(request.graph, request.outputs));
  throw_faults(foresight, std::numeric_limits<int64_t>::max());
}

std::vector<Problem> Engine::foresee_problems(const Graph& graph, const WriteAccess& access) const {
  RunContext context = new_context();
  context.access = access;
  Foresight foresight(context);
  foresight.plan_networks();
  pipeline::foresee(foresight, planned(graph, {}));
  std::vector<Problem> problems;
  for (const Foresight::Fault& fault : foresight.faults()) problems.push_back(fault.problem);
  try {
    foresight.check_memory(host_memory());
  } catch (const TooLittleMemory& error) {
    problems.push_back({"", "", "too_little_memory", "a graph that fits this machine", error.what(), "", ""});
  }
  return problems;
}

std::optional<std::vector<int64_t>> Engine::foresee_frames(const Graph& graph,
                                                           const std::string& node) const {
  const std::string outputs[] = {node};
  Foresight foresight(new_context());
  pipeline::foresee(foresight, planned(graph, outputs));
  const Value value = foresight.value(node, 0);
  if (const auto* video = std::get_if<media::Frames>(&value)) return video->pixels.sizes().vec();
  if (const auto* images = std::get_if<Images>(&value)) return images->pixels.sizes().vec();
  return std::nullopt;
}

RunContext Engine::new_context() const {
  RunContext context;
  context.options = options_;
  context.edits = &plugins_.edits, context.schedulers = &plugins_.schedulers;
  context.guiders = &plugins_.guiders, context.models = models_;
  return context;
}

RunResult Engine::run(const Request& request) {
  if (auto problems = check(plugins_.nodes, request.graph, request.outputs); !problems.empty())
    throw GraphError(std::move(problems));
  RunResult result;
  RunContext context = new_context();
  context.run_report = &result.report, context.access = request.access, context.recurs = request.recurs;
  context.graph_json = write_graph(portable_graph(plugins_.nodes, request.graph)),
  context.recipe_json = request.recipe;
  context.request = request.id, context.stop = request.stop, context.listener = request.listener;
  for (const Problem& problem : undeclared_inputs(plugins_.nodes, request.graph))
    context.warn(problem.text());
  const auto failed = [&context](const std::string& message, bool stopped = false) {
    context.tell(Failed{
        {context.report ? context.report->id : "", context.report ? context.title : ""}, message, stopped});
  };
  Run run(plugins_.nodes, context, *state_, request.graph, result);  // holds the report that `failed` reads
  try {
    run.execute(wanted_nodes(plugins_.nodes, request.graph, request.outputs),
                [&](const std::vector<Run::Part>& parts) { look_ahead(context, parts); });
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
