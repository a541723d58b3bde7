// Nodes that count how often they run, for tests of graphs and their execution: no networks, no media.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <fstream>

#include "tests/pipeline/engine_bench.h"
#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline {

/// A registry of small nodes shaped like the real ones, and what happened to them.
class StubNodes {
 public:
  Plugins plugins;  // these nodes alone, unless a test adds more
  NodeRegistry& registry = plugins.nodes;
  std::map<std::string, int> runs;                           // by class
  std::vector<std::string> order;                            // classes as they ran
  std::function<void(const Inputs&, RunContext&)> sampling;  // called inside Sample

  StubNodes() {
    add({"Load", {{"name", "STRING"}}, {{"MODEL", "MODEL"}, {"CLIP", "CLIP"}, {"VAE", "VAE"}}},
        [](const Inputs& in, RunContext&) -> std::vector<Value> {
          const Folder folder = models::opened(models::golden_folder("pipelines/" + in.text("name")));
          ModelHandle model;
          model.folder = folder;
          return {model, ClipHandle{folder, {}, 0}, VaeHandle{folder}};
        });
    add({"Encode",
         {{"clip", "CLIP"}, {.name = "text", .type = "STRING", .multiline = true}},
         {{"CONDITIONING", "CONDITIONING"}}},
        [](const Inputs& in, RunContext&) -> std::vector<Value> {
          return {PromptContext{at::full({1, 2, 4}, static_cast<double>(in.text("text").size()))}};
        });
    add({"Sample",
         {{"model", "MODEL"},
          {"positive", "CONDITIONING"},
          {.name = "latent", .type = "LATENT", .optional = true},
          {.name = "seed", .type = "INT", .default_value = int64_t{0}, .seed = true},
          {.name = "steps", .type = "INT", .default_value = int64_t{20}, .range = Range{1, 100}},
          {.name = "cfg", .type = "FLOAT", .default_value = 8.0, .range = Range{0, 30}},
          {.name = "sampler_name",
           .type = "COMBO",
           .default_value = std::string("euler"),
           .choices = {"euler", "ddim", "dpmpp_2m"}},
          {.name = "add_noise", .type = "BOOLEAN", .default_value = true}},
         {{"LATENT", "LATENT"}}},
        [this](const Inputs& in, RunContext& context) -> std::vector<Value> {
          if (sampling) sampling(in, context);
          const double level = in.get<PromptContext>("positive").context.max().item<double>() +
                               in.number("cfg") + static_cast<double>(in.integer("steps"));
          return {Latent{at::full({1, 4, 2, 8, 8}, level), {}}};
        });
    add({"Decode", {{"samples", "LATENT"}, {"vae", "VAE"}}, {{"IMAGE", "IMAGE"}}},
        [](const Inputs& in, RunContext&) -> std::vector<Value> {
          const double level = in.get<Latent>("samples").samples.mean().item<double>();
          return {Images{at::full({2, 8, 8, 3}, level)}};
        });
    add({"Save",
         {{"images", "IMAGE"}, {"path", "STRING"}},
         {{.name = "path", .type = "STRING", .file = true}},
         true},
        [](const Inputs& in, RunContext& context) -> std::vector<Value> {
          std::ofstream(in.text("path")) << in.get<Images>("images").pixels.sum().item<double>();
          context.report->facts["path"] = in.text("path");
          context.report->shown.push_back({.kind = "text", .file = in.text("path")});
          return {in.text("path")};
        });
    add({"Show", {{"source", "*"}}, {}, true},
        [](const Inputs&, RunContext&) -> std::vector<Value> { return {}; });
    add({"Number", {{.name = "value", .type = "FLOAT", .default_value = 1.0}}, {{"FLOAT", "FLOAT"}}},
        [](const Inputs& in, RunContext&) -> std::vector<Value> { return {in.number("value")}; });
    add({"Add", {{"a", "FLOAT"}, {"b", "FLOAT"}}, {{"FLOAT", "FLOAT"}}},
        [](const Inputs& in, RunContext&) -> std::vector<Value> {
          return {in.number("a") + in.number("b")};
        });
  }

  struct Shape {
    std::string name;
    std::vector<Socket> inputs, outputs;
    bool sink = false;
  };
  NodeSpec& add(Shape shape, NodeFunction function) {
    NodeSpec node;
    node.spec = {shape.name, "A stub.", ""};
    node.inputs = std::move(shape.inputs);
    node.outputs = std::move(shape.outputs);
    node.sink = shape.sink;
    node.run = [this, name = shape.name, function = std::move(function)](const Inputs& inputs,
                                                                         RunContext& context) {
      ++runs[name];
      order.push_back(name);
      return function(inputs, context);
    };
    return registry.add(std::move(node));
  }

  int total() const {
    int sum = 0;
    for (const auto& [name, count] : runs) sum += count;
    return sum;
  }
};

/// Load -> Encode -> Sample -> Decode -> Save, in ids 1 to 5.
inline Graph video_graph(const std::string& path) {
  return {
      {{"1", "Load", {{"name", "merged_ddim"}}, ""},
       {"2", "Encode", {{"clip", Link{"1", 1}}, {"text", "a cat"}}, ""},
       {"3",
        "Sample",
        {{"model", Link{"1", 0}}, {"positive", Link{"2", 0}}, {"seed", int64_t{7}}, {"steps", int64_t{4}}},
        ""},
       {"4", "Decode", {{"samples", Link{"3", 0}}, {"vae", Link{"1", 2}}}, ""},
       {"5", "Save", {{"images", Link{"4", 0}}, {"path", path}}, ""}}};
}

}  // namespace reel::pipeline
