#include "pipeline/graph/portable_graph.h"

#include <filesystem>

namespace reel::pipeline {

std::string last_part(const std::string& path) {
  std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole.filename().string();
}

Graph portable_graph(const NodeRegistry& registry, Graph graph) {
  for (Node& node : graph.nodes) {
    const NodeSpec* spec = registry.find(node.spec);
    if (!spec) continue;
    for (const Socket& socket : spec->inputs) {
      if (!socket.file && !socket.writes && !socket.place) continue;
      const auto given = node.inputs.find(socket.name);
      if (given == node.inputs.end()) continue;
      if (auto* path = std::get_if<std::string>(&given->second)) *path = last_part(*path);
    }
  }
  return graph;
}

}  // namespace reel::pipeline
