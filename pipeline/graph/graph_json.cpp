#include "pipeline/graph/graph_json.h"

#include <nlohmann/json.hpp>

#include "models/files/input/input_stream.h"
#include "models/files/part_file.h"
#include "pipeline/graph/graph_reader.h"

namespace reel::pipeline {

std::string json_quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Graph read_graph(const std::string& path) {
  const std::string place = path == "-" ? "standard input" : path;
  // More than a graph may have is the parser's to refuse; endless input ends here.
  models::InputStream stream({.path = path}, {.line_bytes = 2 * kMaxFileBytes, .streams = true});
  std::string text(kMaxFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(stream.gcount()));
  return parse_graph(text, place);
}

std::string write_graph(const Graph& graph) {
  std::string text = "{";
  const auto value_text = [&](const Input& input) {
    const auto* link = std::get_if<Link>(&input);
    if (!link || !graph.layout.tall_links) return input_text(input);
    return "[\n        " + json_quoted(link->node) + ",\n        " + std::to_string(link->slot) + "\n      ]";
  };
  for (const Node& node : graph.nodes) {
    std::vector<std::string> names;
    std::set<std::string> placed;
    for (const std::string& name : node.order) {
      if (node.inputs.count(name) && placed.insert(name).second) names.push_back(name);
    }
    for (const auto& [name, input] : node.inputs) {
      if (placed.insert(name).second) names.push_back(name);
    }
    std::string inputs = "\"inputs\": {";
    for (const std::string& name : names) {
      inputs += (&name == names.data() ? "\n      " : ",\n      ") + json_quoted(name) + ": " +
                value_text(node.inputs.at(name));
    }
    inputs += names.empty() ? "}" : "\n    }";
    const std::string spec = "\"class_type\": " + json_quoted(node.spec);
    text += (&node == graph.nodes.data() ? "\n  " : ",\n  ") + json_quoted(node.id) + ": {\n    ";
    text += graph.layout.inputs_first ? inputs + ",\n    " + spec : spec + ",\n    " + inputs;
    if (!node.title.empty())
      text += ",\n    \"_meta\": {\n      \"title\": " + json_quoted(node.title) + "\n    }";
    text += "\n  }";
  }
  text += graph.nodes.empty() ? "}" : "\n}";
  return graph.layout.final_newline ? text + "\n" : text;
}

void save_graph(const Graph& graph, const std::string& path, bool overwrite) {
  models::PartFile file(path, overwrite);
  const std::string text = write_graph(graph);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace reel::pipeline
