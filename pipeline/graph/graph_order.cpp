#include "pipeline/graph/graph_order.h"

namespace reel::pipeline {

std::vector<size_t> wanted_nodes(const NodeRegistry& registry, const Graph& graph,
                                 std::span<const std::string> outputs) {
  const auto index = index_by_id(graph);
  std::vector<size_t> wanted;
  for (const std::string& id : outputs) {
    const auto found = index.find(id);
    if (found == index.end()) {
      std::vector<std::string> ids;
      for (const Node& node : graph.nodes) ids.push_back(node.id);
      const std::string near = suggestion(id, ids);
      throw std::invalid_argument(
          "[graph] expected an output that is a node of the graph, got '" + printable(id) + "'; " +
          (near.empty() ? "`reel graph show` lists the nodes" : "did you mean '" + near + "'?"));
    }
    wanted.push_back(found->second);
  }
  for (size_t i = 0; outputs.empty() && i < graph.nodes.size(); ++i) {
    const NodeSpec* spec = registry.find(graph.nodes[i].spec);
    if (spec && spec->sink) wanted.push_back(i);
  }
  return wanted;
}

std::vector<size_t> order_of_execution(const NodeRegistry& registry, const Graph& graph,
                                       const std::vector<size_t>& wanted) {
  const auto index = index_by_id(graph);
  std::vector<size_t> order;
  std::vector<bool> seen(graph.nodes.size(), false);
  // What a node needs, in the order of its sockets (of its inputs, if the class is unknown), last first: a
  // stack.
  const auto sources = [&](size_t i) {
    const Node& node = graph.nodes[i];
    std::vector<size_t> found;
    const auto add = [&](const Input& input) {
      const auto* link = std::get_if<Link>(&input);
      const auto source = link ? index.find(link->node) : index.end();
      if (source != index.end()) found.push_back(source->second);
    };
    if (const NodeSpec* spec = registry.find(node.spec)) {
      for (const Socket& socket : spec->inputs) {
        if (const auto given = node.inputs.find(socket.name); given != node.inputs.end()) add(given->second);
      }
    } else {
      for (const auto& [name, input] : node.inputs) add(input);
    }
    std::reverse(found.begin(), found.end());
    return found;
  };
  for (const size_t root : wanted) {
    if (seen[root]) continue;
    std::vector<std::pair<size_t, std::vector<size_t>>> path;
    const auto enter = [&](size_t i) { seen[i] = true, path.emplace_back(i, sources(i)); };
    enter(root);
    while (!path.empty()) {
      auto& [node, left] = path.back();
      if (left.empty()) {
        order.push_back(node);
        path.pop_back();
        continue;
      }
      const size_t next = left.back();
      left.pop_back();
      if (!seen[next]) enter(next);
    }
  }
  return order;
}

}  // namespace reel::pipeline
