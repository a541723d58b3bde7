#include "pipeline/run/edit_misfits.h"

#include "attention/plugin/misfit.h"
#include "pipeline/graph/graph_order.h"
#include "pipeline/run/edit_nodes.h"
#include "pipeline/run/model_cache.h"

namespace reel::pipeline {
namespace {

// Files can hold 10,000 edits in one chain: the first ones with their sources say enough.
constexpr size_t kMostEdits = 100, kLongestChain = 200;

/// Whether a node is found by running nothing but what names things; not in chains too long to try.
bool is_cheap(const NodeRegistry& registry, const Graph& graph, size_t node) {
  const auto needed = order_of_execution(registry, graph, {node});
  return needed.size() <= kLongestChain && std::all_of(needed.begin(), needed.end(), [&](size_t n) {
           return registry.get("node", graph.nodes[n].spec).light;
         });
}

}  // namespace

std::vector<Problem> misfitting_edits(Engine& engine, const Graph& graph, std::vector<std::string>& notes) {
  const NodeRegistry& registry = engine.plugins().nodes;
  std::vector<Problem> problems;
  std::map<std::string, std::vector<attention::Site>> sites;  // by model: opening one takes a while
  size_t edits = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (registry.get("node", node.spec).category != kEditCategory) continue;
    if (++edits > kMostEdits) {
      notes.push_back("of more than " + std::to_string(kMostEdits) + " edits the others were not looked at");
      break;
    }
    if (!is_cheap(registry, graph, i)) continue;
    try {
      const RunResult result = engine.run({.graph = graph, .outputs = {node.id}});
      const auto& model = std::get<ModelHandle>(result.wanted.at(node.id)->values.front());
      auto& of_model = sites[model.folder->path + "|" + model.folder->motion_adapter];
      if (of_model.empty()) of_model = engine.models().sites(model);
      const auto misfit = attention::misfit_of(model.edits.back(), of_model);
      if (!misfit) continue;
      problems.push_back({node.id, "model", "edit_fits_nowhere", misfit->expected, misfit->found,
                          "give it another model, or a `selector` of layers that `reel generate - --edit tap "
                          "--dry-run` lists",
                          node.spec});
    } catch (const std::exception& error) {
      notes.push_back("whether the edit fits its model is unknown: " + std::string(error.what()));
    }
  }
  return problems;
}

}  // namespace reel::pipeline
