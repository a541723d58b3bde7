#include "pipeline/run/edit_nodes.h"

namespace reel::pipeline {
namespace {

constexpr const char* kNoPreset = "none";

Socket socket_of(const Param& param) {
  Socket socket{param.name, "STRING", param.help};
  socket.default_value = param.default_value;
  socket.range = param.range;
  socket.choices = param.choices;
  socket.writes = param.writes;
  if (std::holds_alternative<bool>(param.default_value)) socket.type = "BOOLEAN";
  if (std::holds_alternative<int64_t>(param.default_value)) socket.type = "INT";
  if (std::holds_alternative<double>(param.default_value)) socket.type = "FLOAT";
  if (!param.choices.empty()) socket.type = "COMBO";
  return socket;
}

ParamValue value_of(const Inputs& inputs, const Param& param) {
  return std::visit(
      [&](const auto& example) {
        return ParamValue(inputs.get<std::decay_t<decltype(example)>>(param.name));
      },
      param.default_value);
}

/// Editors send every option, touched or not, so an option at its default cannot be told from an absent one:
/// it yields to the preset.
ParamValues options_of(const Spec& spec, const Inputs& inputs) {
  ParamValues options;
  const std::string preset =
      inputs.has("preset") && !spec.presets.empty() ? inputs.text("preset") : kNoPreset;
  if (preset != kNoPreset) options = spec.presets.at(preset);
  for (const Param& param : spec.params) {
    const ParamValue value = value_of(inputs, param);
    if (value != param.default_value) options[param.name] = value;
  }
  return options;
}

NodeSpec edit_node(const attention::EditRegistry& edits, const attention::EditEntry& entry) {
  NodeSpec node;
  node.spec = {entry.node_name, entry.spec.summary, entry.spec.source};
  node.category = kEditCategory;
  node.inputs.push_back(
      {"model", "MODEL", "the model whose attention is edited; it is not changed, a changed copy comes out"});
  if (!entry.spec.presets.empty()) {
    Socket preset{"preset", "COMBO",
                  "published settings; options that are not at their default override them"};
    preset.default_value = std::string(kNoPreset);
    preset.choices = {kNoPreset};
    for (const auto& [name, values] : entry.spec.presets) preset.choices.push_back(name);
    node.inputs.push_back(std::move(preset));
  }
  for (const Param& param : entry.spec.params) node.inputs.push_back(socket_of(param));
  Socket selector{"selector", "STRING",
                  "where it applies, e.g. `layer=up_blocks.1.* steps=0-20% heads=0,3-7`"};
  selector.help += entry.where.empty() ? "; everywhere if empty" : "; refines `" + entry.where + "`";
  selector.default_value = std::string();
  node.inputs.push_back(std::move(selector));
  node.light = true;
  node.outputs.push_back({"MODEL", "MODEL", "the model with this edit after those it had"});
  node.run = [&edits, name = entry.spec.name](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    ModelHandle model = inputs.get<ModelHandle>("model");
    const Spec& spec = edits.get("edit", name).spec;
    model.edits.push_back(edits.rule(name, options_of(spec, inputs), inputs.text("selector")));
    return {std::move(model)};
  };
  return node;
}

}  // namespace

void add_edit_nodes(NodeRegistry& registry, const attention::EditRegistry& edits) {
  for (const attention::EditEntry& entry : edits) registry.add(edit_node(edits, entry));
}

}  // namespace reel::pipeline
