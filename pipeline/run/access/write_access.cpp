#include "pipeline/run/access/write_access.h"

#include <filesystem>

#include "models/files/output/confined_path.h"

namespace reel::pipeline {

std::string WriteAccess::path_for(const InputName& input, const std::string& given) const {
  if (named.contains(input)) return given;
  const std::filesystem::path path(given);
  const std::string parent = path.parent_path().string();
  return models::confined_path(
      folder, given,
      path.is_absolute()
          ? "allow that folder with --output-dir '" + parent + "', or name the file yourself: --set " +
                input.node + "." + input.input + "=FILE"
          : "name the file yourself: --set " + input.node + "." + input.input + "=FILE");
}

void WriteAccess::confine(const std::string& node, const Socket& socket, Value& value) const {
  const InputName input{node, socket.name};
  if (socket.permission && !named.contains(input)) value = replace;
  if (auto* path = socket.writes ? std::get_if<std::string>(&value) : nullptr; path && !path->empty())
    *path = path_for(input, *path);
}

std::set<InputName> all_inputs(const Graph& graph) {
  std::set<InputName> names;
  for (const Node& node : graph.nodes) {
    for (const auto& [input, value] : node.inputs) names.insert({node.id, input});
  }
  return names;
}

}  // namespace reel::pipeline
