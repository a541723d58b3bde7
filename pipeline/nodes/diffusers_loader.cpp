// DiffusersLoader: a model folder of any known pipeline class as MODEL, CLIP and VAE. Reads configurations
// only; weights are loaded when a node needs them.
#include "models/model_folder.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

std::string locate(const Inputs& inputs, const RunContext& context) {
  return models::find_model(inputs.text("model_path"),
                            models::model_search_path(context.options.models_dirs));
}

std::vector<Value> run(const Inputs& inputs, RunContext& context) {
  const auto folder = std::make_shared<const models::ModelFolder>(
      models::ModelFolder::open(locate(inputs, context), inputs.text("motion_adapter")));
  models::require_video_model(*folder);
  ModelHandle model;
  model.folder = folder;
  return {model, ClipHandle{folder, {}, 0}, VaeHandle{folder}};
}

}  // namespace

void register_diffusers_loader(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"DiffusersLoader", "Opens a model folder in the Hugging Face layout.",
               "ComfyUI's DiffusersLoader"};
  node.category = "loaders";
  node.inputs = {{.name = "model_path",
                  .type = "STRING",
                  .help = "installed model or folder with model_index.json",
                  .default_value = "emoji-animatediff",
                  .place = true},
                 {.name = "motion_adapter",
                  .type = "STRING",
                  .help = "folder or file with motion modules for an image model; empty: the model's own",
                  .default_value = "",
                  .file = true}};
  node.outputs = {
      {.name = "MODEL", .type = "MODEL"}, {.name = "CLIP", .type = "CLIP"}, {.name = "VAE", .type = "VAE"}};
  node.run = run;
  node.version = 2;
  // The folder's place counts too: handles are kept with it, and opened there again.
  node.change_token = [](const Inputs& inputs, const RunContext& context) {
    const std::string folder = locate(inputs, context);
    return folder + "\n" + models::folder_stamp(folder);
  };
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
