// What the tests of nodes share: calling one node of the program as a graph would.
#pragma once

#include "pipeline/plugin_set.h"
#include "pipeline/run/model_cache.h"
#include "pipeline/run/run_context.h"
#include "tests/support/models.h"

namespace reel::pipeline {

/// The program's nodes, and what a node may use besides its inputs.
class NodeBench {
 public:
  using Given = std::map<std::string, Value>;

  explicit NodeBench(at::ScalarType dtype = at::kFloat) {
    context.edits = &plugins_->edits, context.schedulers = &plugins_->schedulers;
    context.guiders = &plugins_->guiders;
    context.models = std::make_shared<ModelCache>(models::families(), at::kCPU, dtype);
    context.report = &report, context.run_report = &run_report;
  }
  NodeBench(const NodeBench&) = delete;

  RunContext context;
  NodeReport report;  // of the last node that ran
  Report run_report;  // holds the warnings

  const NodeSpec& node(const std::string& name) const { return plugins_->nodes.get("node", name); }

  /// All outputs of a node. Inputs that are not given have their declared defaults.
  std::vector<Value> run(const std::string& name, Given given) {
    const NodeSpec& spec = node(name);
    for (const auto& entry : given) {
      if (!spec.input(entry.first)) throw std::logic_error(name + " has no input '" + entry.first + "'");
    }
    for (const Socket& socket : spec.inputs) {
      if (!socket.default_value || given.count(socket.name)) continue;
      given[socket.name] =
          std::visit([](const auto& value) { return Value(value); }, socket.default_value.value());
    }
    report = {};
    report.id = "7", report.spec = context.title = name;
    return spec.run(Inputs(std::move(given)), context);
  }

  /// Calls `act` at each step of a node.
  void on_step(std::function<void(const Stepped&)> act) {
    context.listener = [act = std::move(act)](const Event& event) {
      if (const auto* step = std::get_if<Stepped>(&event.what)) act(*step);
    };
  }

  /// The first output.
  template <class T>
  T get(const std::string& name, Given given) {
    return std::get<T>(run(name, std::move(given)).at(0));
  }

  /// What the node says when it refuses its inputs; "" if it takes them.
  template <class Error = std::invalid_argument>
  std::string refusal(const std::string& name, Given given) {
    try {
      run(name, std::move(given));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  /// The declaration as text: inputs as "fps: FLOAT = 8 in 0.01 to 1000", outputs as "-> VIDEO".
  std::vector<std::string> sockets(const std::string& name) const {
    std::vector<std::string> all;
    for (const Socket& socket : node(name).inputs) {
      std::string text = socket.name + ": " + socket.type;
      if (socket.default_value) text += " = " + to_text(*socket.default_value);
      if (socket.range) text += " in " + to_text(socket.range->low) + " to " + to_text(socket.range->high);
      for (const std::string& choice : socket.choices)
        text += (&choice == &socket.choices.front() ? " of " : "|") + choice;
      if (socket.seed) text += ", seed";
      if (socket.file) text += ", file";
      if (socket.permission) text += ", permission";
      all.push_back(text);
    }
    for (const Socket& socket : node(name).outputs)
      all.push_back("-> " + socket.type + (socket.file ? ", file" : ""));
    return all;
  }

 private:
  const std::unique_ptr<const Plugins> plugins_ = every_plugin();
};

/// A random text-to-video model of a few thousand weights: latents of 4 channels, 2 pixels a cell, DDIM.
inline std::string tiny_model() { return models::golden_folder("pipelines/merged_ddim"); }

inline Folder tiny_folder() { return models::opened(tiny_model()); }

inline ModelHandle tiny_network(NodeBench& bench) {
  return bench.get<ModelHandle>("DiffusersLoader", {{"model_path", tiny_model()}});
}

inline at::Tensor encoded(NodeBench& bench, const std::string& text,
                          ClipHandle clip = {tiny_folder(), {}, 0}) {
  return bench.get<PromptContext>("CLIPTextEncode", {{"clip", std::move(clip)}, {"text", text}}).context;
}

/// Fixed numbers between -1.4 and 1.4 that do not repeat.
inline at::Tensor waves(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return at::arange(count, at::kFloat).mul(0.7).sin().mul(1.4).reshape(shape);
}

}  // namespace reel::pipeline
