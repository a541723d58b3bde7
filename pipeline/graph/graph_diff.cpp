#include "pipeline/graph/graph_diff.h"

#include "models/hashing/hash.h"
#include "pipeline/graph/graph_order.h"

namespace reel::pipeline {
namespace {

constexpr size_t kNone = SIZE_MAX;

/// A constant's meaning: editors write 8 for 8.0.
std::string meaning(const Input& input) {
  if (const auto* number = std::get_if<double>(&input);
      number && std::floor(*number) == *number && std::abs(*number) < 0x1p63) {
    return std::to_string(static_cast<int64_t>(*number));
  }
  return input_text(input);
}

std::string shown(const Input& input) {
  const auto* link = std::get_if<Link>(&input);
  return link ? printable(link->node) + ":" + std::to_string(link->slot) : printable(input_text(input));
}

/// A graph with what its nodes mean, numbering aside: a digest over class, constants and, through links, all
/// that a node depends on.
struct Side {
  const Graph& graph;
  std::unordered_map<std::string_view, size_t> index;
  std::vector<std::string> digests;

  explicit Side(const Graph& from) : graph(from), index(index_by_id(from)), digests(from.nodes.size()) {
    std::vector<size_t> all(graph.nodes.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    // With an empty registry every input counts.
    for (const size_t i : order_of_execution(NodeRegistry{}, graph, all)) {
      models::Hash hash;
      hash.field(graph.nodes[i].spec);
      for (const auto& [name, input] : graph.nodes[i].inputs) {
        hash.field(name);
        const auto* link = std::get_if<Link>(&input);
        const size_t source = link ? find(link->node) : kNone;
        if (source == kNone) {
          hash.field("value").field(meaning(input));
        } else {
          // In a cycle the source has no digest yet: its id has to do.
          hash.field("link").field(digests[source].empty() ? "id " + link->node : digests[source]);
          hash.field(static_cast<uint64_t>(link->slot));
        }
      }
      digests[i] = hash.hex();
    }
  }
  size_t find(const std::string& id) const {
    const auto found = index.find(id);
    return found == index.end() ? kNone : found->second;
  }
};

class Comparison {
 public:
  Comparison(const Graph& before, const Graph& after)
      : a_(before), b_(after), to_b_(before.nodes.size(), kNone), to_a_(after.nodes.size(), kNone) {}

  std::vector<std::string> run() {
    std::vector<std::string> all_a = a_.digests, all_b = b_.digests;
    std::sort(all_a.begin(), all_a.end());
    std::sort(all_b.begin(), all_b.end());
    if (all_a == all_b) return {};  // the same up to numbering
    match_by_id([&](size_t a, size_t b) { return a_.digests[a] == b_.digests[b]; });
    match_by_id([&](size_t a, size_t b) { return node_a(a).spec == node_b(b).spec; });
    match_equal();
    match_similar();
    match_by_id([](size_t, size_t) { return true; });
    std::vector<std::string> lines;
    for (size_t a = 0; a < to_b_.size(); ++a) {
      if (to_b_[a] == kNone)
        lines.push_back("- " + node_place(node_a(a).id, node_a(a).spec));
      else
        compare(a, to_b_[a], lines);
    }
    for (size_t b = 0; b < to_a_.size(); ++b) {
      if (to_a_[b] == kNone)
        lines.push_back("+ " + node_place(node_b(b).id, node_b(b).spec) + inputs_text(node_b(b)));
    }
    return lines;
  }

 private:
  const Node& node_a(size_t i) const { return a_.graph.nodes[i]; }
  const Node& node_b(size_t i) const { return b_.graph.nodes[i]; }
  void match(size_t a, size_t b) { to_b_[a] = b, to_a_[b] = a; }

  template <class Accept>
  void match_by_id(Accept accept) {
    for (size_t a = 0; a < to_b_.size(); ++a) {
      const size_t b = to_b_[a] == kNone ? b_.find(node_a(a).id) : kNone;
      if (b != kNone && to_a_[b] == kNone && accept(a, b)) match(a, b);
    }
  }

  void match_equal() {
    std::map<std::string, std::vector<size_t>> free;  // of b, by digest; last first
    for (size_t b = to_a_.size(); b-- > 0;) {
      if (to_a_[b] == kNone) free[b_.digests[b]].push_back(b);
    }
    for (size_t a = 0; a < to_b_.size(); ++a) {
      if (to_b_[a] != kNone) continue;
      auto& candidates = free[a_.digests[a]];
      if (candidates.empty()) continue;
      match(a, candidates.back());
      candidates.pop_back();
    }
  }

  /// Pairs nodes of one class that share at least half of their inputs.
  void match_similar() {
    constexpr size_t kMaxPairs = 1'000'000;  // graphs that differ everywhere are not worth more
    size_t pairs = 0;
    for (size_t a = 0; a < to_b_.size(); ++a) {
      if (to_b_[a] != kNone) continue;
      size_t best = kNone, best_score = 0;
      for (size_t b = 0; b < to_a_.size() && pairs < kMaxPairs; ++b) {
        if (to_a_[b] != kNone || node_a(a).spec != node_b(b).spec) continue;
        ++pairs;
        size_t score = 0;
        for (const auto& [name, input] : node_a(a).inputs) {
          const auto other = node_b(b).inputs.find(name);
          score += other != node_b(b).inputs.end() && equal(input, other->second);
        }
        if (score > best_score && 2 * score >= node_b(b).inputs.size()) best = b, best_score = score;
      }
      if (best != kNone) match(a, best);
    }
  }

  bool equal(const Input& a, const Input& b) const {
    const auto *link_a = std::get_if<Link>(&a), *link_b = std::get_if<Link>(&b);
    if (!link_a && !link_b) return meaning(a) == meaning(b);
    if (!link_a || !link_b || link_a->slot != link_b->slot) return false;
    const size_t source_a = a_.find(link_a->node), source_b = b_.find(link_b->node);
    if (source_a == kNone || source_b == kNone) return source_a == source_b && link_a->node == link_b->node;
    return to_b_[source_a] == source_b || a_.digests[source_a] == b_.digests[source_b];
  }

  void compare(size_t a, size_t b, std::vector<std::string>& lines) const {
    const Node &before = node_a(a), &after = node_b(b);
    const std::string place =
        printable(before.id) + (before.id == after.id ? "" : " (now " + printable(after.id) + ")");
    if (before.spec != after.spec)
      lines.push_back(place + ": " + printable(before.spec) + " -> " + printable(after.spec));
    for (const auto& [name, input] : before.inputs) {
      const auto other = after.inputs.find(name);
      if (other == after.inputs.end()) {
        lines.push_back(place + "." + printable(name) + ": " + shown(input) + " -> nothing");
      } else if (!equal(input, other->second)) {
        lines.push_back(place + "." + printable(name) + ": " + shown(input) + " -> " + shown(other->second));
      }
    }
    for (const auto& [name, input] : after.inputs) {
      if (!before.inputs.count(name))
        lines.push_back(place + "." + printable(name) + ": nothing -> " + shown(input));
    }
  }

  static std::string inputs_text(const Node& node) {
    std::string text;
    for (const auto& [name, input] : node.inputs)
      text += (text.empty() ? ": " : ", ") + printable(name) + "=" + shown(input);
    return text;
  }

  Side a_, b_;
  std::vector<size_t> to_b_, to_a_;  // matched nodes
};

}  // namespace

std::vector<std::string> diff(const Graph& before, const Graph& after) {
  return Comparison(before, after).run();
}

}  // namespace reel::pipeline
