#include "pipeline/graph/check.h"

#include "pipeline/graph/constant.h"
#include "pipeline/graph/graph_order.h"

namespace reel::pipeline {
namespace {

constexpr size_t kMaxProblems = 1000;  // a graph of 10,000 nodes can be wrong in all of them
constexpr size_t kMaxWarnings = 100;

std::string join(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

std::vector<std::string> input_names(const NodeSpec& spec) {
  std::vector<std::string> names;
  for (const Socket& socket : spec.inputs) names.push_back(socket.name);
  return names;
}

/// The absent declared input that an undeclared one was probably meant to be, or "".
std::string meant_input(const Node& node, const NodeSpec& spec, const std::string& undeclared) {
  std::vector<std::string> absent;
  for (const std::string& name : input_names(spec)) {
    if (!node.inputs.count(name)) absent.push_back(name);
  }
  return suggestion(undeclared, absent);
}

class Checker {
 public:
  Checker(const NodeRegistry& registry, const Graph& graph)
      : registry_(registry), graph_(graph), index_(index_by_id(graph)) {
    for (const Node& node : graph.nodes) specs_.push_back(registry.find(node.spec));
  }

  std::vector<Problem> run(std::span<const std::string> outputs) {
    std::vector<bool> needed(graph_.nodes.size(), outputs.empty());
    if (!outputs.empty()) {
      for (const size_t i : order_of_execution(registry_, graph_, wanted_nodes(registry_, graph_, outputs)))
        needed[i] = true;
    }
    std::set<std::string_view> seen;
    for (size_t i = 0; i < graph_.nodes.size() && !full(); ++i) {
      const Node& node = graph_.nodes[i];
      if (!seen.insert(node.id).second)
        report(node, "", "duplicate_key", "each node id once", "it twice", "renumber one of them");
      if (!specs_[i]) {
        unknown_class(node);
      } else if (needed[i]) {
        check_node(node, *specs_[i]);
      }
    }
    find_cycles(needed);
    if (outputs.empty()) check_outputs();
    return std::move(problems_);
  }

 private:
  bool full() const { return problems_.size() >= kMaxProblems; }
  void report(const Node& node, std::string socket, std::string kind, std::string expected, std::string found,
              std::string hint) {
    problems_.push_back({node.id, std::move(socket), std::move(kind), std::move(expected), std::move(found),
                         std::move(hint), node.spec});
  }

  void unknown_class(const Node& node) {
    const std::string near = suggestion(node.spec, registry_.names());
    report(node, "", "missing_node_type", "a known class", "'" + printable(node.spec) + "'",
           near.empty() ? "`reel nodes` lists them" : "did you mean '" + near + "'?");
  }

  void check_node(const Node& node, const NodeSpec& spec) {
    std::map<std::string, std::string> mistaken;  // declared name -> how the graph spells it
    for (const auto& [name, input] : node.inputs) {
      if (spec.input(name) || comparisons_left_ == 0) continue;
      --comparisons_left_;
      if (const std::string meant = meant_input(node, spec, name); !meant.empty())
        mistaken.emplace(meant, name);
    }
    for (const Socket& socket : spec.inputs) {
      const Input* given = given_input(node, socket);
      const auto typo = mistaken.find(socket.name);
      if (given) {
        check_input(node, socket, *given);
      } else if (!socket.optional && !socket.default_value) {
        report(node, socket.name, "required_input_missing", expectation(socket), "nothing",
               typo != mistaken.end() ? "is '" + printable(typo->second) + "' meant to be this input?"
                                      : missing_hint(node, socket));
      } else if (typo != mistaken.end()) {
        report(node, typo->second, "unknown_input", "an input that the class has",
               "'" + printable(typo->second) + "'", "did you mean '" + socket.name + "'?");
      }
    }
  }

  void check_input(const Node& node, const Socket& socket, const Input& input) {
    if (const auto* link = std::get_if<Link>(&input)) return check_link(node, socket, *link);
    if (!takes_constants(socket)) {
      return report(node, socket.name, "invalid_input_type", expectation(socket),
                    printable(input_text(input)), missing_hint(node, socket));
    }
    Problem problem;
    if (convert(socket, input, problem)) return;
    report(node, socket.name, problem.kind, problem.expected, problem.found, problem.hint);
  }

  void check_link(const Node& node, const Socket& socket, const Link& link) {
    const auto found = index_.find(link.node);
    if (found == index_.end()) {
      return report(node, socket.name, "dangling_link", "a link to a node of the graph",
                    "node '" + printable(link.node) + "', which is not there", missing_hint(node, socket));
    }
    const NodeSpec* source = specs_[found->second];
    if (!source) return;  // its unknown class is a problem of its own
    const auto count = static_cast<int>(source->outputs.size());
    const std::string place = node_place(link.node, source->spec.name);
    if (link.slot < 0 || link.slot >= count) {
      const int near = output_for(*source, socket.type);
      return report(node, socket.name, "dangling_link",
                    count == 0 ? "a node that has outputs"
                               : "an output from 0 to " + std::to_string(count - 1) + " of " + place,
                    "output " + std::to_string(link.slot),
                    near < 0 ? missing_hint(node, socket)
                             : "output " + std::to_string(near) + " is " + source->outputs[near].type);
    }
    const std::string& type = source->outputs[link.slot].type;
    if (accepts(socket.type, type)) return;
    const int near = output_for(*source, socket.type);
    report(node, socket.name, "return_type_mismatch", socket.type,
           type + " from output " + std::to_string(link.slot) + " of " + place,
           near < 0 ? missing_hint(node, socket)
                    : "its output " + std::to_string(near) + " is " + source->outputs[near].type);
  }

  static int output_for(const NodeSpec& spec, const std::string& wanted) {
    for (size_t slot = 0; slot < spec.outputs.size(); ++slot) {
      if (accepts(wanted, spec.outputs[slot].type)) return static_cast<int>(slot);
    }
    return -1;
  }

  /// Where a missing input could come from: a node of the graph, else a class.
  std::string missing_hint(const Node& node, const Socket& socket) {
    if (takes_constants(socket)) return "give it a value";
    for (const auto& [i, slot] : makers(socket.type)) {
      const Node& maker = graph_.nodes[i];
      if (&maker != &node)
        return "for example [\"" + printable(maker.id) + "\", " + std::to_string(slot) + "], from " +
               maker.spec;
    }
    for (const NodeSpec& spec : registry_) {
      if (output_for(spec, socket.type) >= 0) return "add a node that makes it, such as " + spec.spec.name;
    }
    return "no class makes it";
  }

  /// The first two outputs of the graph that could feed such an input.
  const std::vector<std::pair<size_t, int>>& makers(const std::string& type) {
    const auto [entry, is_new] = makers_.try_emplace(type);
    for (size_t i = 0; is_new && i < graph_.nodes.size() && entry->second.size() < 2; ++i) {
      const int slot = specs_[i] ? output_for(*specs_[i], type) : -1;
      if (slot >= 0) entry->second.emplace_back(i, slot);
    }
    return entry->second;
  }

  /// Reports each cycle once: depth-first search, iterative because files may hold chains of 10,000 nodes.
  void find_cycles(const std::vector<bool>& needed) {
    enum : char { kNew, kOpen, kDone };
    std::vector<char> state(graph_.nodes.size(), kNew);
    std::vector<bool> reported(graph_.nodes.size(), false);
    for (size_t root = 0; root < graph_.nodes.size(); ++root) {
      if (state[root] != kNew || !needed[root]) continue;
      std::vector<std::pair<size_t, std::vector<size_t>>> path;  // node, and what is left of its sources
      const auto enter = [&](size_t i) { state[i] = kOpen, path.emplace_back(i, sources(i)); };
      enter(root);
      while (!path.empty()) {
        auto& [node, left] = path.back();
        if (left.empty()) {
          state[node] = kDone;
          path.pop_back();
          continue;
        }
        const size_t next = left.back();
        left.pop_back();
        if (state[next] == kNew)
          enter(next);
        else if (state[next] == kOpen)
          report_cycle(path, next, reported);
      }
    }
  }

  template <class Path>
  void report_cycle(const Path& path, size_t first, std::vector<bool>& reported) {
    // The path runs from consumers to sources; the message follows the data.
    std::vector<size_t> cycle = {first};
    for (auto step = path.rbegin(); step != path.rend() && step->first != first; ++step)
      cycle.push_back(step->first);
    for (const size_t i : cycle) {
      if (reported[i]) return;
    }
    for (const size_t i : cycle) reported[i] = true;
    constexpr size_t kMaxShown = 12;  // nodes of a long cycle
    std::vector<std::string> names;
    for (const size_t i : cycle) {
      if (names.size() == kMaxShown) names.push_back("... (" + std::to_string(cycle.size()) + " nodes)");
      if (names.size() > kMaxShown) break;
      names.push_back(printable(graph_.nodes[i].id) + " (" + printable(graph_.nodes[i].spec) + ")");
    }
    names.push_back(names.front());
    report(graph_.nodes[first], "", "dependency_cycle", "no node to need its own result", join(names, " -> "),
           "remove one of these links");
  }

  std::vector<size_t> sources(size_t i) const {
    std::vector<size_t> nodes;
    for (const auto& [name, input] : graph_.nodes[i].inputs) {
      const auto* link = std::get_if<Link>(&input);
      if (!link || (specs_[i] && !specs_[i]->input(name))) continue;  // undeclared inputs are no dependencies
      if (const auto found = index_.find(link->node); found != index_.end()) nodes.push_back(found->second);
    }
    return nodes;
  }

  void check_outputs() {
    std::vector<std::string> sinks;
    for (const NodeSpec& spec : registry_) {
      if (spec.sink) sinks.push_back(spec.spec.name);
    }
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (specs_[i] && specs_[i]->sink) return;
      if (!specs_[i] && !suggestion(graph_.nodes[i].spec, sinks).empty())
        return;  // a sink, misspelt: reported as that
    }
    if (sinks.size() > 3) sinks.resize(3);
    problems_.push_back({"", "", "prompt_no_outputs", "a node that saves or shows something",
                         graph_.nodes.empty() ? "an empty graph" : "none",
                         sinks.empty() ? "" : "add one, such as " + join(sinks, ", ")});
  }

  const NodeRegistry& registry_;
  const Graph& graph_;
  std::unordered_map<std::string_view, size_t> index_;
  std::vector<const NodeSpec*> specs_;  // null: unknown class
  std::map<std::string, std::vector<std::pair<size_t, int>>> makers_;
  size_t comparisons_left_ =
      10'000;  // of undeclared names with declared ones: files can hold a million of them
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> check(const NodeRegistry& registry, const Graph& graph,
                           std::span<const std::string> outputs) {
  return Checker(registry, graph).run(outputs);
}

std::vector<Problem> undeclared_inputs(const NodeRegistry& registry, const Graph& graph) {
  std::vector<Problem> found;
  for (const Node& node : graph.nodes) {
    const NodeSpec* spec = registry.find(node.spec);
    if (!spec) continue;
    for (const auto& [name, input] : node.inputs) {
      if (spec->input(name) || !meant_input(node, *spec, name).empty()) continue;
      if (found.size() == kMaxWarnings) return found;
      const std::string near = suggestion(name, input_names(*spec));
      found.push_back({node.id, name, "unknown_input",
                       spec->inputs.empty() ? "no inputs" : join(input_names(*spec), ", "),
                       "'" + printable(name) + "', which is ignored",
                       near.empty() ? "" : "did you mean '" + near + "'?", node.spec});
    }
  }
  return found;
}

}  // namespace reel::pipeline
