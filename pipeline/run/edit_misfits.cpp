#include "pipeline/run/edit_misfits.h"

#include "attention/plugin/misfit.h"
#include "pipeline/graph/graph_order.h"
#include "pipeline/run/edit_nodes.h"
#include "pipeline/run/model_cache.h"

namespace reel::pipeline {
namespace {

// Files can hold 10,000 edits in one chain: the first ones with their sources say enough.
constexpr size_t kMostEdits = 100, kLongestChain = 200;

/// Whether a node only names things: loaders, and nodes that change what they name. Running it costs nothing.
bool is_light(const NodeSpec& spec) {
  return !spec.sink && !spec.outputs.empty() &&
         std::all_of(spec.outputs.begin(), spec.outputs.end(), [](const Socket& socket) {
           return socket.type == "MODEL" || socket.type == "CLIP" || socket.type == "VAE";
         });
}

/// Whether a node is found by running nothing but what names things; not in chains too long to try.
bool is_cheap(const NodeRegistry& registry, const Graph& graph, size_t node) {
  const auto needed = order_of_execution(registry, graph, {node});
  return needed.size() <= kLongestChain && std::all_of(needed.begin(), needed.end(), [&](size_t n) {
           return is_light(registry.get("node", graph.nodes[n].spec));
         });
}

/// What an input gets from a node that is cheap to run; null if it is no such input.
template <class T>
std::optional<T> value_of(Engine& engine, const Graph& graph, const Node& node, const std::string& input) {
  const auto given = node.inputs.find(input);
  const Link* link = given == node.inputs.end() ? nullptr : std::get_if<Link>(&given->second);
  if (!link) return std::nullopt;
  const auto places = index_by_id(graph);
  const auto source = places.find(link->node);
  if (source == places.end()) return std::nullopt;
  const NodeRegistry& registry = engine.plugins().nodes;
  const bool latent = graph.nodes[source->second].spec == "EmptyLatentVideo";
  if (!is_cheap(registry, graph, source->second) &&
      !(latent && order_of_execution(registry, graph, {source->second}).size() == 1))
    return std::nullopt;
  const RunResult result = engine.run({.graph = graph, .outputs = {link->node}});
  return std::get<T>(result.wanted.at(link->node)->values.at(static_cast<size_t>(link->slot)));
}

std::string constant_text(const Node& node, const std::string& input) {
  const auto given = node.inputs.find(input);
  const auto* text = given == node.inputs.end() ? nullptr : std::get_if<std::string>(&given->second);
  return text ? *text : "";
}

/// A model that is on this machine, and cannot be used.
std::optional<Problem> unsound_folder(Engine& engine, const Node& node) {
  std::string folder;
  try {
    folder = models::find_model(constant_text(node, "model_path"),
                                models::model_search_path(engine.options().models_dirs));
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
  try {
    models::ModelFolder::open(folder, constant_text(node, "motion_adapter"));
  } catch (const std::exception& error) {
    return Problem{node.id,          "model_path",
                   "model_unusable", "a model folder that is whole",
                   error.what(),     "`reel models check` lists all that is wrong with it",
                   node.spec};
  }
  return std::nullopt;
}

/// A model of pictures that is to make a video.
std::optional<Problem> unconnected_frames(Engine& engine, const Graph& graph, const Node& node) {
  try {
    const auto model = value_of<ModelHandle>(engine, graph, node, "model");
    const auto latent = value_of<Latent>(engine, graph, node, "latent_image");
    if (!model || !latent || model->folder->connects_frames || latent->frames <= 1) return std::nullopt;
    return Problem{
        node.id,
        "model",
        "model_of_pictures",
        "a model that connects the frames of a video",
        "a model of pictures, " + model->folder->path + ", and " + std::to_string(latent->frames) + " frames",
        "give its loader a `motion_adapter`, or ask for one frame",
        node.spec};
  } catch (const std::exception&) {
    return std::nullopt;  // its model is unsound or unknown, which is another matter
  }
}

}  // namespace

std::vector<Problem> unusable_models(Engine& engine, const Graph& graph) {
  std::vector<Problem> problems;
  size_t looked_at = 0;
  for (const Node& node : graph.nodes) {
    const bool loader = node.spec == "DiffusersLoader";
    if ((!loader && node.spec != "KSampler") || ++looked_at > kMostEdits) continue;
    const auto problem = loader ? unsound_folder(engine, node) : unconnected_frames(engine, graph, node);
    if (problem) problems.push_back(*problem);
  }
  return problems;
}

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
