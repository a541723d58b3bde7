// A pipeline as data: nodes, their constants and the links between them. Its file form is ComfyUI's API
// format.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace reel::pipeline {

/// A reference to another node's output.
struct Link {
  std::string node;
  int slot = 0;
  bool operator==(const Link&) const = default;
};

/// A JSON object in place of a constant, as compact text. No socket takes one. Files from other programs
/// carry such values in inputs that a class does not declare, and a change of the graph must keep them.
struct RawJson {
  std::string text;
  bool operator==(const RawJson&) const = default;
};

/// What a graph file gives an input: a constant (as typed; checked against the socket later) or a link. An
/// integer is int64_t if it fits, else uint64_t: seeds go up to 2^64 - 1.
using Input = std::variant<bool, int64_t, uint64_t, double, std::string, Link, RawJson>;

struct Node {
  std::string id, spec;                 // spec: class_type
  std::map<std::string, Input> inputs;  // by socket name
  std::string title;                    // _meta.title; never affects execution
  /// Input names in the order of the file, for writing only; others follow by name.
  std::vector<std::string> order = {};
  bool operator==(const Node& other) const {
    return id == other.id && spec == other.spec && inputs == other.inputs && title == other.title;
  }
};

/// How a file was laid out, so that a changed graph differs from it only in what was changed.
struct Layout {
  bool inputs_first = false;  // "inputs" before "class_type", as ComfyUI exports it
  bool tall_links = false;    // each item of a link on a line of its own
  bool final_newline = true;
};

/// Nodes in file order; ids are unique.
struct Graph {
  std::vector<Node> nodes;
  Layout layout = {};
  const Node* find(const std::string& id) const;
  Node* find(const std::string& id);
  bool operator==(const Graph& other) const { return nodes == other.nodes; }
};

/// Positions of nodes by id, for passes over whole graphs. Valid while the graph is unchanged.
std::unordered_map<std::string_view, size_t> index_by_id(const Graph& graph);

/// One thing wrong with a graph.
struct Problem {
  std::string node, socket;  // empty socket: the node itself; both empty: the whole graph
  std::string kind;          // ComfyUI's error type if it has one, e.g. value_bigger_than_max
  std::string expected, found, hint;
  std::string spec = {};     // the node's class, if known
  std::string text() const;  // one line
};

/// All that is wrong with a graph; what() lists every problem.
class GraphError : public std::exception {
 public:
  /// `place`: the file, if there is one.
  explicit GraphError(std::vector<Problem> problems, const std::string& place = "");
  const char* what() const noexcept override { return text_.c_str(); }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
  std::string text_;
};

/// `node 3 (KSampler)`: the name of a node in every message.
std::string node_place(const std::string& id, const std::string& spec);

/// Makes foreign text fit for a message: escapes control characters, and cuts it to `limit` bytes at the
/// border of a character.
std::string printable(std::string_view text, size_t limit = 80);

/// The candidate that `name` was probably meant to be, or "". Like nearest_name, but safe for names from
/// hostile files: it does not compare texts of more than 64 bytes.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

/// An input as JSON shows it: 20, 1.0, "a cat", ["2", 0]. Numbers read back equal.
std::string input_text(const Input& input);
std::string number_text(double value);

}  // namespace reel::pipeline
