// Reading graph files. One class, above 300 lines, because one pass over hostile text has one state.
#include "pipeline/graph/graph_reader.h"

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "pipeline/graph/graph_json.h"

namespace reel::pipeline {
namespace {

constexpr size_t kMaxDepth = 64;
constexpr size_t kMaxNodes = 10'000;
constexpr size_t kMaxKeys = 250'000;  // of all objects together: 25 for each of 10,000 nodes
constexpr size_t kMaxProblems = 100;  // a message longer than this helps nobody

/// A JSON scalar; monostate is null.
using Scalar = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string>;

Input as_input(Scalar scalar) {
  return std::visit(
      [](auto& value) -> Input {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          return RawJson{"null"};
        } else {
          return std::move(value);
        }
      },
      scalar);
}

std::string shown(const Scalar& scalar) {
  return std::holds_alternative<std::monostate>(scalar) ? "null" : printable(input_text(as_input(scalar)));
}

/// Builds the graph from parse events, without a document in between: unknown parts of a file cost nothing,
/// and order, duplicate keys and numbers are seen as they were written.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  Graph graph;
  std::vector<Problem> problems;
  bool ui_format = false;

  bool null() override { return scalar({}); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(int64_t value) override { return scalar(value); }
  bool number_unsigned(uint64_t value) override {
    if (value <= uint64_t{INT64_MAX}) return scalar(static_cast<int64_t>(value));
    return scalar(value);
  }
  bool number_float(double value, const std::string& text) override {
    const bool is_integer = text.find_first_of(".eE") == std::string::npos;
    if (is_integer && within_inputs()) {
      report("number_out_of_range", "an integer from -9223372036854775808 to 18446744073709551615",
             printable(text), "write it as text if it is not a number");
      if (stack_.back().kind == Kind::kLink) link_.emplace_back(int64_t{0});  // one complaint is enough
      return true;
    }
    return scalar(value);
  }
  bool string(std::string& value) override { return scalar(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // JSON text has none

  bool key(std::string& name) override {
    Frame& top = stack_.back();
    if (++keys_ > kMaxKeys)
      return stop("too_many_keys", "at most 250,000 keys", "more", "is it the right file?");
    top.key = name;
    top.skip = false;
    if (!top.keys.insert(name).second) {
      if (top.kind == Kind::kGraph) node_id_ = name;
      if (top.kind == Kind::kInputs) socket_ = name;
      report("duplicate_key", "each key once", json_quoted(printable(name)) + " twice",
             "remove or rename one");
      top.skip = true;
      return true;
    }
    if (top.kind == Kind::kGraph) node_id_ = name, node_spec_.clear(), socket_.clear();
    if (top.kind == Kind::kInputs) socket_ = name;
    if (top.kind == Kind::kObject) {
      raw_ += (top.items++ ? "," : "") + json_quoted(name) + ":";
    }
    return true;
  }

  bool start_object(size_t) override { return open('{'); }
  bool start_array(size_t) override { return open('['); }
  bool end_object() override { return close('}'); }
  bool end_array() override { return close(']'); }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    std::string message = error.what();
    if (error.id == 406) {  // a literal such as 1e999
      return stop("number_out_of_range", "finite numbers", printable(message.substr(message.find("'"))),
                  "write a plain number");
    }
    if (const size_t begin = message.find("] "); begin != std::string::npos) message.erase(0, begin + 2);
    return stop("invalid_json", "JSON", printable(message, 240), "correct the text there");
  }

 private:
  enum class Kind { kGraph, kNode, kInputs, kMeta, kLink, kObject, kSkip };
  struct Frame {
    Kind kind;
    std::string key = {};                       // the last one, of objects
    std::unordered_set<std::string> keys = {};  // all so far
    size_t items = 0;                           // so far, of what is kept as raw text
    bool skip = false;                          // the next value is not wanted
  };

  void report(std::string kind, std::string expected, std::string found, std::string hint) {
    if (problems.size() < kMaxProblems) {
      problems.push_back({node_id_, socket_, std::move(kind), std::move(expected), std::move(found),
                          std::move(hint), node_spec_});
    }
  }
  bool stop(std::string kind, std::string expected, std::string found, std::string hint) {
    node_id_.clear(), socket_.clear(), node_spec_.clear();
    report(std::move(kind), std::move(expected), std::move(found), std::move(hint));
    return false;
  }

  Node& node() { return graph.nodes.back(); }
  bool within_inputs() const {
    return !stack_.empty() && (stack_.back().kind == Kind::kInputs || stack_.back().kind == Kind::kLink ||
                               stack_.back().kind == Kind::kObject);
  }

  void set_input(Input value) {
    Node& owner = node();
    owner.order.push_back(socket_);
    owner.inputs.insert_or_assign(socket_, std::move(value));
  }

  bool scalar(Scalar value) {
    if (stack_.empty()) return refuse_top(shown(value));
    Frame& top = stack_.back();
    if (top.skip) return true;
    switch (top.kind) {
      case Kind::kGraph:
        refuse_node(shown(value));
        break;
      case Kind::kNode:
        node_member(std::move(value));
        break;
      case Kind::kInputs:
        set_input(as_input(std::move(value)));
        break;
      case Kind::kMeta:
        if (top.key == "title" && std::holds_alternative<std::string>(value))
          node().title = std::get<std::string>(value);
        break;
      case Kind::kLink:
        if (link_.size() < 3) link_.push_back(std::move(value));
        break;
      case Kind::kObject:
        if (!in_object()) raw_ += top.items++ ? "," : "";
        raw_ += input_text(as_input(value));
        if (top.key == "__value__" && depth_in_raw() == 1) wrapped_ = std::move(value);
        break;
      case Kind::kSkip:
        break;
    }
    return true;
  }

  void node_member(Scalar value) {
    const std::string& name = stack_.back().key;
    if (name == "class_type") {
      if (std::holds_alternative<std::string>(value) && !std::get<std::string>(value).empty()) {
        node().spec = node_spec_ = std::get<std::string>(value);
      } else {
        report("missing_node_type", "class_type to be the name of a class", shown(value),
               "write \"class_type\": \"KSampler\"");
        class_reported_ = true;
      }
    } else if (name == "inputs" && !std::holds_alternative<std::monostate>(value)) {
      report("invalid_inputs", "inputs to be an object", shown(value), "write \"inputs\": {\"steps\": 20}");
    }
  }

  bool refuse_top(const std::string& found) {
    return stop("invalid_prompt", "a graph, that is an object of nodes by id", found,
                "export the graph with Workflow > Export (API)");
  }
  void refuse_node(const std::string& found) {
    report("invalid_node", "an object with class_type and inputs", found, "remove it or make it a node");
  }

  bool open(char bracket) {
    if (stack_.size() >= kMaxDepth)
      return stop("nesting_too_deep", "at most 64 levels", "more", "is it the right file?");
    const bool list = bracket == '[';
    Kind kind = Kind::kSkip;
    if (stack_.empty()) {
      if (list) return refuse_top("a list");
      kind = Kind::kGraph;
    } else if (Frame& top = stack_.back(); !top.skip) {
      switch (top.kind) {
        case Kind::kGraph:
          ui_format |= list && top.key == "nodes";
          if (list) refuse_node("a list");
          if (!list && !begin_node(kind)) return false;
          break;
        case Kind::kNode:
          if (top.key == "inputs" && list)
            report("invalid_inputs", "inputs to be an object", "a list", "write \"inputs\": {\"steps\": 20}");
          if (top.key == "inputs" && !list) kind = Kind::kInputs, inputs_before_class_ |= node_spec_.empty();
          if (top.key == "_meta" && !list) kind = Kind::kMeta;
          if (top.key == "class_type") node_member(Scalar(std::monostate{}));
          break;
        case Kind::kInputs:
          kind = list ? Kind::kLink : Kind::kObject;
          link_.clear(), raw_.clear(), wrapped_.reset();
          if (!list) raw_ = "{";
          break;
        case Kind::kLink:
          link_.resize(3);
          break;  // too long to be a link
        case Kind::kObject:
          kind = Kind::kObject;
          if (!in_object()) raw_ += top.items++ ? "," : "";
          raw_ += bracket;
          break;
        case Kind::kMeta:
        case Kind::kSkip:
          break;
      }
    }
    stack_.push_back({kind});
    return true;
  }

  bool begin_node(Kind& kind) {
    kind = Kind::kNode;
    if (graph.nodes.size() >= kMaxNodes)
      return stop("too_many_nodes", "at most 10,000 nodes", "more", "split the graph");
    graph.nodes.push_back({node_id_, "", {}, ""});
    class_reported_ = false;
    if (node_id_.empty()) report("invalid_node", "a node id", "an empty one", "number the nodes");
    return true;
  }

  bool close(char bracket) {
    Frame top = std::move(stack_.back());
    stack_.pop_back();
    switch (top.kind) {
      case Kind::kNode:
        finish_node();
        break;
      case Kind::kInputs:
        socket_.clear();
        break;
      case Kind::kLink:
        finish_link();
        break;
      case Kind::kObject:
        raw_ += bracket;
        if (stack_.back().kind == Kind::kInputs) finish_object();
        break;
      default:
        break;
    }
    return true;
  }

  void finish_node() {
    socket_.clear();
    if (node().spec.empty() && !class_reported_) {
      report("missing_node_type", "class_type", "none",
             node_id_ == "prompt" ? "this looks like a request; keep only what is under \"prompt\""
                                  : "name the node's class");
    }
    graph.layout.inputs_first |= inputs_before_class_;
    node_id_.clear(), node_spec_.clear(), inputs_before_class_ = false;
  }

  void finish_link() {
    const auto* id = link_.size() == 2 ? std::get_if<std::string>(&link_[0]) : nullptr;
    const auto* slot = id ? std::get_if<int64_t>(&link_[1]) : nullptr;
    if (!slot || *slot < 0 || *slot > 1'000'000) {
      report("bad_linked_input", "a link [node id, output number]",
             link_.size() == 2 ? list_text() : "another list", "write [\"2\", 0]; no input takes a list");
      return;
    }
    set_input(Link{*id, static_cast<int>(*slot)});
  }
  std::string list_text() const { return "[" + shown(link_[0]) + ", " + shown(link_[1]) + "]"; }

  void finish_object() {
    if (!wrapped_) return set_input(RawJson{raw_});
    set_input(as_input(*wrapped_));
  }

  size_t depth_in_raw() const {
    size_t depth = 0;
    for (auto frame = stack_.rbegin(); frame != stack_.rend() && frame->kind == Kind::kObject; ++frame)
      ++depth;
    return depth;
  }
  /// Whether the innermost raw value is an object: its keys have written the commas.
  bool in_object() const { return !stack_.back().keys.empty(); }

  std::vector<Frame> stack_;
  std::string node_id_, node_spec_, socket_;  // where reading is
  std::vector<Scalar> link_;                  // the list being read
  std::string raw_;                           // the object being read
  std::optional<Scalar> wrapped_;             // its __value__
  bool class_reported_ = false, inputs_before_class_ = false;
  size_t keys_ = 0;
};

}  // namespace

Graph parse_graph(const std::string& text, const std::string& place) {
  if (text.size() > kMaxFileBytes) {
    throw GraphError(
        {{"", "", "file_too_large", "a graph of at most 16 MB", "more", "is it the right file?"}}, place);
  }
  Reader reader;
  nlohmann::json::sax_parse(text, &reader);
  if (reader.ui_format) {
    throw GraphError({{"", "", "ui_format", "the API format", "a workflow as the editor saves it",
                       "open it in the editor and choose Workflow > Export (API)"}},
                     place);
  }
  if (!reader.problems.empty()) throw GraphError(std::move(reader.problems), place);
  Graph graph = std::move(reader.graph);
  // A raw line break cannot lie within a JSON string, so this is a list that goes on in the next line.
  graph.layout.tall_links = text.find("[\n") != std::string::npos || text.find("[\r\n") != std::string::npos;
  graph.layout.final_newline = text.empty() || text.back() == '\n';
  return graph;
}

}  // namespace reel::pipeline
