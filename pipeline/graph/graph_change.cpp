#include "pipeline/graph/graph_change.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "pipeline/graph/constant.h"

namespace reel::pipeline {
namespace {

std::string join(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

[[noreturn]] void refuse(const std::string& place, const std::string& expected, const std::string& found,
                         const std::string& hint) {
  throw std::invalid_argument("[" + printable(place) + "] expected " + expected + ", got " + found +
                              (hint.empty() ? "" : "; " + hint));
}

/// The nearest candidate, else all of them.
std::string choices_hint(const std::string& name, const std::vector<std::string>& candidates) {
  const std::string near = suggestion(name, candidates);
  if (!near.empty()) return "did you mean '" + near + "'?";
  std::vector<std::string> shown(candidates.begin(),
                                 candidates.begin() + std::min<size_t>(candidates.size(), 30));
  return shown.empty() ? "there are none"
                       : "there are " + join(shown, ", ") + (shown.size() < candidates.size() ? ", ..." : "");
}

std::vector<std::string> ids_of(const Graph& graph) {
  std::vector<std::string> ids;
  for (const Node& node : graph.nodes) ids.push_back(node.id);
  return ids;
}

Node& get_node(Graph& graph, const std::string& id) {
  if (Node* node = graph.find(id)) return *node;
  refuse("graph", "a node of the graph", "'" + printable(id) + "'", choices_hint(id, ids_of(graph)));
}

/// `ID.input`. Ids and names may both hold dots; the longest id that exists counts.
std::pair<Node*, std::string> split_target(Graph& graph, const std::string& target) {
  for (size_t dot = target.rfind('.'); dot != std::string::npos && dot > 0;
       dot = target.rfind('.', dot - 1)) {
    if (Node* node = graph.find(target.substr(0, dot)); node && dot + 1 < target.size())
      return {node, target.substr(dot + 1)};
  }
  const size_t dot = target.find('.');
  if (dot == std::string::npos || dot + 1 == target.size()) {
    refuse("graph", "ID.input", "'" + printable(target) + "'", "write for example 3.steps");
  }
  return {&get_node(graph, target.substr(0, dot)), target.substr(dot + 1)};  // throws: it is not there
}

const Socket& get_socket(const NodeSpec& spec, const std::string& name) {
  if (const Socket* socket = spec.input(name)) return *socket;
  std::vector<std::string> names;
  for (const Socket& socket : spec.inputs) names.push_back(socket.name);
  refuse(spec.spec.name, "an input of the class", "'" + printable(name) + "'", choices_hint(name, names));
}

template <class T>
std::optional<T> read_number(const std::string& text) {
  T number{};
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// Text as JSON if it is a scalar, a link or an object, else as itself.
Input untyped(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_object()) return RawJson{json.dump()};
  if (json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_number_unsigned() &&
      json[1] <= 1'000'000) {
    return Link{json[0], json[1]};
  }
  if (const auto integer = read_number<int64_t>(text)) return *integer;
  if (const auto large = read_number<uint64_t>(text)) return *large;
  if (json.is_number_float() && text.find_first_of(".eE") != std::string::npos) return json.get<double>();
  return text;
}

/// Text in the first of the socket's types that can hold it. What cannot be read stays a text, for convert()
/// to refuse.
Input typed(const Socket& socket, const std::string& text) {
  for (const std::string& name : type_names(socket.type)) {
    if (name == "STRING" || name == "COMBO") return text;
    if (name == "*") return untyped(text);
    if (name == "BOOLEAN" && (text == "true" || text == "false")) return text == "true";
    if (name == "INT") {
      if (const auto integer = read_number<int64_t>(text)) return *integer;
      if (const auto large = read_number<uint64_t>(text)) return *large;
    }
    if (name == "FLOAT" || name == "INT") {
      if (const auto number = read_number<double>(text)) return *number;
    }
  }
  return text;
}

/// Where `A[:slot]` points, for an input of type `wanted` ("" if not known).
Link resolve(const NodeRegistry& registry, Graph& graph, const std::string& from, const std::string& wanted) {
  const size_t colon = from.rfind(':');
  const bool whole = graph.find(from) || colon == std::string::npos;  // ids hold colons too
  const Node& source = get_node(graph, whole ? from : from.substr(0, colon));
  const NodeSpec* spec = registry.find(source.spec);
  if (whole) {
    for (size_t slot = 0; spec && !wanted.empty() && slot < spec->outputs.size(); ++slot) {
      if (accepts(wanted, spec->outputs[slot].type)) return {source.id, static_cast<int>(slot)};
    }
    return {source.id, 0};
  }
  const std::string slot = from.substr(colon + 1);
  const auto number = read_number<int>(slot);
  if (!spec) {
    if (number && *number >= 0) return {source.id, *number};
    refuse("graph", "the number of an output", "'" + printable(slot) + "'",
           "the class " + printable(source.spec) + " is not known, so its outputs have no names here");
  }
  std::vector<std::string> names;
  for (const Socket& output : spec->outputs) names.push_back(output.name);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == slot || (number && static_cast<size_t>(*number) == i))
      return {source.id, static_cast<int>(i)};
  }
  refuse("graph", "an output of " + node_place(source.id, source.spec), "'" + printable(slot) + "'",
         choices_hint(slot, names));
}

Link linked(const NodeRegistry& registry, Graph& graph, const std::string& from, const Node& node,
            const Socket* socket) {
  const Link link = resolve(registry, graph, from, socket ? socket->type : "");
  const Node& source = *graph.find(link.node);
  const NodeSpec* spec = registry.find(source.spec);
  if (!spec || !socket) return link;
  const std::string place = node.id + "." + socket->name;
  if (static_cast<size_t>(link.slot) >= spec->outputs.size()) {
    refuse(place, "a node with outputs", node_place(source.id, source.spec), "it has none");
  }
  const std::string& type = spec->outputs[static_cast<size_t>(link.slot)].type;
  if (!accepts(socket->type, type)) {
    refuse(place, socket->type, type + " from " + node_place(source.id, source.spec),
           "`reel nodes " + node.spec + "` lists what it takes");
  }
  return link;
}

/// The value of one input, by its socket.
Input typed_value(const NodeRegistry& registry, Graph& graph, const Node& node, const Socket& socket,
                  const std::string& text) {
  if (!takes_constants(socket)) return linked(registry, graph, text, node, &socket);
  Input input = typed(socket, text);
  if (std::holds_alternative<Link>(input)) return input;
  Problem problem;
  if (!convert(socket, input, problem))
    refuse(node.id + "." + socket.name, problem.expected, problem.found, problem.hint);
  return input;
}

std::string next_number(const Graph& graph) {
  int64_t highest = 0;
  for (const Node& node : graph.nodes) {
    // Above nine digits an id is a name that looks like a number.
    if (node.id.size() <= 9) highest = std::max(highest, read_number<int64_t>(node.id).value_or(0));
  }
  return std::to_string(highest + 1);
}

}  // namespace

Graph add_node(const NodeRegistry& registry, Graph graph, const std::string& spec, const std::string& id,
               const std::vector<std::pair<std::string, std::string>>& values) {
  const NodeSpec* known = registry.find(spec);
  if (!known)
    refuse("graph", "a known class", "'" + printable(spec) + "'", choices_hint(spec, registry.names()));
  if (!id.empty() && graph.find(id)) {
    refuse("graph", "an id that is free", "'" + printable(id) + "', which is taken",
           "the next free number is " + next_number(graph));
  }
  Node node{id.empty() ? next_number(graph) : id, known->spec.name, {}, ""};
  for (const Socket& socket : known->inputs) node.order.push_back(socket.name);
  for (const auto& [name, text] : values) {
    if (node.inputs.count(name))
      refuse(spec, "each input once", "'" + printable(name) + "' twice", "keep one of them");
    node.inputs[name] = typed_value(registry, graph, node, get_socket(*known, name), text);
  }
  graph.nodes.push_back(std::move(node));
  return graph;
}

Graph set_input(const NodeRegistry& registry, Graph graph, const std::string& target,
                const std::string& value) {
  const auto [node, name] = split_target(graph, target);
  const NodeSpec* spec = registry.find(node->spec);
  const bool foreign = !spec || (!spec->input(name) && node->inputs.count(name));
  node->inputs[name] =
      foreign ? untyped(value) : typed_value(registry, graph, *node, get_socket(*spec, name), value);
  return graph;
}

std::pair<std::string, std::string> split_input(const Graph& graph, const std::string& target) {
  Graph nodes = graph;
  const auto [node, name] = split_target(nodes, target);
  return {node->id, name};
}

Graph connect(const NodeRegistry& registry, Graph graph, const std::string& from, const std::string& to) {
  const auto [node, name] = split_target(graph, to);
  const NodeSpec* spec = registry.find(node->spec);
  node->inputs[name] = linked(registry, graph, from, *node, spec ? &get_socket(*spec, name) : nullptr);
  return graph;
}

Graph remove_node(Graph graph, const std::string& id, std::vector<std::string>& unconnected) {
  get_node(graph, id);
  std::erase_if(graph.nodes, [&](const Node& node) { return node.id == id; });
  for (Node& node : graph.nodes) {
    std::erase_if(node.inputs, [&](const auto& entry) {
      const auto* link = std::get_if<Link>(&entry.second);
      if (!link || link->node != id) return false;
      unconnected.push_back(node.id + "." + entry.first);
      return true;
    });
  }
  return graph;
}

}  // namespace reel::pipeline
