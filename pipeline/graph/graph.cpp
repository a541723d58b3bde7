#include "pipeline/graph/graph.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "attention/plugin/spec.h"
#include "models/files/utf8.h"

namespace reel::pipeline {

const Node* Graph::find(const std::string& id) const {
  for (const Node& node : nodes) {
    if (node.id == id) return &node;
  }
  return nullptr;
}

Node* Graph::find(const std::string& id) { return const_cast<Node*>(std::as_const(*this).find(id)); }

std::unordered_map<std::string_view, size_t> index_by_id(const Graph& graph) {
  std::unordered_map<std::string_view, size_t> index;
  for (size_t i = 0; i < graph.nodes.size(); ++i) index.emplace(graph.nodes[i].id, i);
  return index;
}

std::string Problem::text() const {
  std::string line;
  if (!node.empty())
    line = node_place(node, spec) + (socket.empty() ? "" : ", input '" + printable(socket) + "'") + ": ";
  line += "expected " + expected + ", got " + found;
  if (!hint.empty()) line += "; " + hint;
  return line + " [" + kind + "]";
}

GraphError::GraphError(std::vector<Problem> problems, const std::string& place)
    : problems_(std::move(problems)) {
  if (!place.empty()) text_ = "[" + printable(place, 4096) + "] ";
  if (problems_.size() == 1) {
    text_ += problems_.front().text();
    return;
  }
  text_ += "the graph has " + std::to_string(problems_.size()) + " problems:";
  for (const Problem& problem : problems_) text_ += "\n  " + problem.text();
}

std::string node_place(const std::string& id, const std::string& spec) {
  return "node " + printable(id) + (spec.empty() ? "" : " (" + printable(spec) + ")");
}

std::string printable(std::string_view text, size_t limit) {
  const bool cut = text.size() > limit;
  return models::escaped(cut ? models::whole_characters(text, limit) : text) + (cut ? "..." : "");
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr size_t kMaxLength = 64;  // the comparison takes time and memory in the product of both lengths
  if (name.size() < 3 || name.size() > kMaxLength) return "";  // one letter of two is no likeness
  std::vector<std::string> short_ones;
  for (const std::string& candidate : candidates) {
    if (candidate.size() <= kMaxLength) short_ones.push_back(candidate);
  }
  return nearest_name(name, short_ones);
}

std::string number_text(double value) {
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value);  // the shortest text that reads back equal
  std::string text(buffer, end.ptr);
  // JSON knows one kind of number; a point keeps 1.0 a float when it is read back.
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string input_text(const Input& input) {
  const auto quoted = [](const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  if (const auto* flag = std::get_if<bool>(&input)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<int64_t>(&input)) return std::to_string(*integer);
  if (const auto* large = std::get_if<uint64_t>(&input)) return std::to_string(*large);
  if (const auto* number = std::get_if<double>(&input)) return number_text(*number);
  if (const auto* text = std::get_if<std::string>(&input)) return quoted(*text);
  if (const auto* link = std::get_if<Link>(&input))
    return "[" + quoted(link->node) + ", " + std::to_string(link->slot) + "]";
  return std::get<RawJson>(input).text;
}

}  // namespace reel::pipeline
