// LoadCaptioner: the folder of a vision-language model as CAPTIONER. Reads configurations only; weights are loaded when a
// node needs them.
#include "models/model_folder.h"
#include "pipeline/captioning/caption_model.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

std::string locate(const Inputs& inputs, const RunContext& context) {
  return models::find_model(inputs.text("model_path"),
                            models::model_search_path(context.options.models_dirs));
}

}  // namespace

void register_load_captioner(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"LoadCaptioner", "Opens the folder of a model that describes pictures.", "reel"};
  node.category = "loaders";
  node.inputs = {{.name = "model_path",
                  .type = "STRING",
                  .help = "installed model or folder in the layout of LLaVA",
                  .default_value = "emoji-llava",
                  .place = true}};
  node.outputs = {{.name = "CAPTIONER", .type = "CAPTIONER"}};
  node.run = [](const Inputs& inputs, RunContext& context) -> std::vector<Value> {
    CaptionerHandle captioner;
    captioner.folder =
        std::make_shared<const models::ModelFolder>(models::ModelFolder::open(locate(inputs, context)));
    require_captioner(*captioner.folder);
    return {std::move(captioner)};
  };
  // The folder's place counts too: handles are kept with it, and opened there again.
  node.change_token = [](const Inputs& inputs, const RunContext& context) {
    const std::string folder = locate(inputs, context);
    return folder + "\n" + models::folder_stamp(folder);
  };
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
