#include "pipeline/jobs/replay/replay_graph.h"

#include <stdexcept>

#include "pipeline/graph/check.h"
#include "pipeline/graph/graph_order.h"

namespace reel::pipeline {
namespace {

[[noreturn]] void refuse(const std::string& place, const std::string& what) {
  throw std::runtime_error("[" + printable(place) + "] its recipe " + what +
                           "; was it edited by hand? `reel graph run` runs graphs that you have looked at");
}

/// The node that wrote the file, as one that writes nothing but the new file.
Node write_node(const Node& old, const std::string& place) {
  Node write{old.id, "WriteVideo", {}, ""};
  const auto video = old.inputs.find("video");
  if (video == old.inputs.end() || !std::holds_alternative<Link>(video->second))
    refuse(place, "gives " + node_place(old.id, old.spec) + " no video");
  write.inputs["video"] = video->second;
  for (const char* name : {"codec", "crf"}) {
    const auto given = old.inputs.find(name);
    if (given == old.inputs.end() || std::holds_alternative<Link>(given->second)) continue;
    const auto* text = std::get_if<std::string>(&given->second);
    if (!text || *text != "auto") write.inputs[name] = given->second;
  }
  return write;
}

/// Refuses what a replay has no need for, and takes the files of recorders away.
void tame(const NodeSpec& spec, Node& node, const std::string& place) {
  if (spec.sink) refuse(place, "needs " + node_place(node.id, node.spec) + " too, which writes another file");
  for (const Socket& socket : spec.inputs) {
    const auto given = node.inputs.find(socket.name);
    if (given == node.inputs.end()) continue;
    const bool linked = std::holds_alternative<Link>(given->second);
    const bool names_file = socket.file || socket.writes || socket.place;
    if (linked && names_file)
      refuse(place, "computes the path '" + socket.name + "' of " + node_place(node.id, node.spec));
    if (socket.writes) node.inputs.erase(given);
  }
  const auto steps = node.inputs.find("steps");
  if (node.spec != "KSampler" || steps == node.inputs.end()) return;
  const auto* count = std::get_if<int64_t>(&steps->second);
  if (!count || *count > kMostReplaySteps) {
    refuse(place, "asks for " + (count ? std::to_string(*count) : "an unknown number of") +
                      " steps, where a replay makes at most " + std::to_string(kMostReplaySteps));
  }
}

}  // namespace

Graph replay_graph(const NodeRegistry& registry, const Graph& recipe, const std::string& wrote,
                   const std::string& place) {
  const std::string outputs[] = {wrote};
  const auto found = std::find_if(recipe.nodes.begin(), recipe.nodes.end(),
                                  [&](const Node& node) { return node.id == wrote; });
  if (found == recipe.nodes.end()) refuse(place, "lacks the node '" + printable(wrote) + "' that wrote it");
  if (found->spec != "WriteVideo" && found->spec != "SaveVideo")
    refuse(place, "says that " + node_place(wrote, found->spec) + " wrote it, which writes no videos");
  if (auto problems = check(registry, recipe, outputs); !problems.empty())
    throw GraphError(std::move(problems), place + ": prompt");
  const auto index = static_cast<size_t>(found - recipe.nodes.begin());
  Graph graph;
  for (const size_t i : order_of_execution(registry, recipe, {index})) {
    if (i == index) continue;
    graph.nodes.push_back(recipe.nodes[i]);
    tame(registry.get("node", recipe.nodes[i].spec), graph.nodes.back(), place);
  }
  graph.nodes.push_back(write_node(*found, place));
  return graph;
}

}  // namespace reel::pipeline
