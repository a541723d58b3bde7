#include "pipeline/graph/graph_draw.h"

#include "pipeline/graph/graph_order.h"

namespace reel::pipeline {
namespace {

/// Sinks first, so that the order is the one of a run; then what no sink needs.
std::vector<size_t> drawing_order(const NodeRegistry& registry, const Graph& graph) {
  std::vector<size_t> wanted = wanted_nodes(registry, graph, {});
  for (size_t i = 0; i < graph.nodes.size(); ++i) wanted.push_back(i);
  return order_of_execution(registry, graph, wanted);
}

/// `1.CLIP`, or `1` where the source has one output only.
std::string link_text(const NodeRegistry& registry, const Graph& graph, const Link& link) {
  const std::string id = printable(link.node);
  const Node* source = graph.find(link.node);
  if (!source) return id + " (missing)";
  const NodeSpec* spec = registry.find(source->spec);
  if (!spec) return id + ":" + std::to_string(link.slot);
  const auto slot = static_cast<size_t>(link.slot);
  if (link.slot < 0 || slot >= spec->outputs.size())
    return id + ":" + std::to_string(link.slot) + " (missing)";
  return spec->outputs.size() == 1 ? id : id + "." + spec->outputs[slot].name;
}

std::string head_text(const NodeRegistry& registry, const Node& node) {
  std::string text = printable(node.spec);
  if (!node.title.empty() && node.title != node.spec) text += " \"" + printable(node.title) + "\"";
  return registry.find(node.spec) ? text : text + " (unknown class)";
}

/// Links in the order of the sockets, then constants, then what the class does not declare.
std::vector<std::string> input_texts(const NodeRegistry& registry, const Graph& graph, const Node& node) {
  std::vector<std::string> names;
  const NodeSpec* spec = registry.find(node.spec);
  for (size_t i = 0; spec && i < spec->inputs.size(); ++i) {
    if (node.inputs.count(spec->inputs[i].name)) names.push_back(spec->inputs[i].name);
  }
  for (const auto& [name, input] : node.inputs) {
    if (!spec || !spec->input(name)) names.push_back(name);
  }
  std::vector<std::string> links, constants;
  for (const std::string& name : names) {
    const Input& input = node.inputs.at(name);
    const std::string mark = spec && !spec->input(name) ? " (ignored)" : "";
    if (const auto* link = std::get_if<Link>(&input)) {
      links.push_back(printable(name) + " <- " + link_text(registry, graph, *link) + mark);
    } else {
      constants.push_back(printable(name) + "=" + printable(input_text(input)) + mark);
    }
  }
  links.insert(links.end(), constants.begin(), constants.end());
  return links;
}

/// A quoted string of the DOT language, in which \n and \" are the escapes that matter.
std::string dot_quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

std::string draw_text(const NodeRegistry& registry, const Graph& graph) {
  size_t id_width = 0;
  for (const Node& node : graph.nodes)
    id_width = std::max(id_width, std::min<size_t>(printable(node.id).size(), 12));
  std::string text;
  for (const size_t i : drawing_order(registry, graph)) {
    const Node& node = graph.nodes[i];
    const std::string id = printable(node.id);
    text +=
        std::string(id_width - std::min(id_width, id.size()), ' ') + id + "  " + head_text(registry, node);
    const char* separator = ": ";
    for (const std::string& input : input_texts(registry, graph, node)) {
      text += separator + input;
      separator = ", ";
    }
    const NodeSpec* spec = registry.find(node.spec);
    std::string outputs;
    for (size_t slot = 0; spec && slot < spec->outputs.size(); ++slot) {
      outputs += (slot ? ", " : "") + spec->outputs[slot].name;
    }
    if (spec && spec->sink) {
      text += "  => output";
    } else if (!outputs.empty()) {
      text += "  -> " + outputs;
    }
    text += "\n";
  }
  return text;
}

std::string draw_dot(const NodeRegistry& registry, const Graph& graph) {
  const auto index = index_by_id(graph);
  std::string text = "digraph reel {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\"];\n";
  std::string edges;
  for (const size_t i : drawing_order(registry, graph)) {
    const Node& node = graph.nodes[i];
    const NodeSpec* spec = registry.find(node.spec);
    std::string label = dot_quoted(printable(node.id) + "  " + head_text(registry, node));
    label.pop_back();
    for (const auto& [name, input] : node.inputs) {
      const auto* link = std::get_if<Link>(&input);
      const auto source = link ? index.find(link->node) : index.end();
      if (source != index.end()) {
        edges += "  n" + std::to_string(source->second) + " -> n" + std::to_string(i) +
                 " [label=" + dot_quoted(printable(name)) + "];\n";
        continue;
      }
      const std::string value =
          link ? " <- " + link_text(registry, graph, *link) : "=" + printable(input_text(input));
      const std::string line = dot_quoted(printable(name) + value);
      label += "\\n" + line.substr(1, line.size() - 2);
    }
    text += "  n" + std::to_string(i) + " [label=" + label + "\"" +
            (spec && spec->sink ? ", peripheries=2" : "") + (spec ? "" : ", color=red") + "];\n";
  }
  return text + edges + "}\n";
}

}  // namespace reel::pipeline
