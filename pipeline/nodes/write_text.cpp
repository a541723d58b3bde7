// WriteText: a text to exactly the named file.
#include "models/files/part_file.h"
#include "pipeline/foresight/foresight.h"
#include "pipeline/run/file_stamp.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

bool may_replace(const Inputs& inputs, const RunContext& context) {
  return inputs.flag("overwrite") || context.access.may_replace(inputs.text("path"));
}

}  // namespace

void register_write_text(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"WriteText", "Writes a text to exactly this file, in UTF-8, with a line end behind it.",
               "reel"};
  node.category = "text";
  node.sink = true;
  node.inputs = {{.name = "text", .type = "STRING", .multiline = true},
                 {.name = "path", .type = "STRING", .help = "any name", .writes = true},
                 {.name = "overwrite",
                  .type = "BOOLEAN",
                  .help = "replace an existing file",
                  .default_value = false,
                  .permission = true}};
  node.outputs = {{.name = "path", .type = "STRING", .file = true}};
  node.foresee = [](const Inputs& inputs, Foresight& foresight) -> std::vector<Value> {
    if (!inputs.has("path")) return {};
    models::check_target(inputs.text("path"), may_replace(inputs, foresight.context()));
    return {inputs.text("path")};
  };
  node.run = [](const Inputs& inputs, RunContext& context) -> std::vector<Value> {
    const std::string& path = inputs.text("path");
    models::PartFile file(path, may_replace(inputs, context));
    const std::string text = inputs.text("text") + "\n";
    file.write(text.data(), text.size());
    file.commit([&](const std::vector<models::NamedPart>& parts) {
      if (context.options.before_naming) context.options.before_naming(path, stamp_of_parts(path, parts));
    });
    context.report->facts["path"] = path;
    context.report->shown.push_back({.kind = "text", .file = path});
    return {path};
  };
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
