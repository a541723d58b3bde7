// A pipeline as data: nodes, their constants and the links between them. ComfyUI's API format is its file
// form.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace reel::pipeline {

/// A reference to another node's output.
struct Link {
  std::string node;
  int slot = 0;
  bool operator==(const Link&) const = default;
};

/// What a graph file gives an input: a constant (as typed; checked against the socket later) or a link. Seeds
/// up to 2^64 - 1 are kept as uint64_t.
using Input = std::variant<bool, int64_t, uint64_t, double, std::string, Link>;

struct Node {
  std::string id, spec;                 // spec: class_type
  std::map<std::string, Input> inputs;  // by socket name
  std::string title;                    // _meta.title; never affects execution
  bool operator==(const Node&) const = default;
};

/// Nodes in file order; ids are unique.
struct Graph {
  std::vector<Node> nodes;
  const Node* find(const std::string& id) const;
  Node* find(const std::string& id);
  bool operator==(const Graph&) const = default;
};

/// One thing wrong with a graph.
struct Problem {
  std::string node, socket;  // socket may be empty: the node itself
  std::string kind;          // ComfyUI's error type where it has one, e.g. value_bigger_than_max
  std::string expected, found, hint;
  std::string text() const;  // one line
};

/// All that is wrong with a graph; what() lists every problem.
class GraphError : public std::exception {
 public:
  explicit GraphError(std::vector<Problem> problems);
  const char* what() const noexcept override { return text_.c_str(); }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
  std::string text_;
};

}  // namespace reel::pipeline
