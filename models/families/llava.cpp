// LLaVA: CLIP's features of a picture, projected to the width of a Llama, which reads them as tokens.
#include "models/families/support/captioner_parts.h"
#include "models/families/support/llava_options.h"
#include "models/family.h"
#include "models/layouts/llava_layout.h"

namespace reel::models {
namespace {

std::unique_ptr<Captioner> load(const ComponentFiles& files, const LoadOptions& options) {
  Checkpoint checkpoint = open_checkpoint(files);
  rename_llava(checkpoint);
  std::optional<Config> tower_config;
  if (!files.tower.empty()) {
    Checkpoint tower = Checkpoint::open(files.tower);
    rename_clip_vision(tower);
    checkpoint.merge(tower);
    tower_config = Config::read(files.tower + "/config.json");
  }
  const LlavaOptions llava = LlavaOptions::read(files.config, tower_config, checkpoint);
  return build_captioner(checkpoint, options, [&](const Weights& weights) {
    return CaptionerParts{.tower = make_clip_vision(weights.scope("vision_tower"), llava.vision,
                                                    llava.features, files.config.place()),
                          .project = Projector(weights.scope("multi_modal_projector"), llava.projector),
                          .language_model = make_llama(weights, llava.text),
                          .ids = llava.ids,
                          .image_token = llava.image_token};
  });
}

}  // namespace

void register_llava(FamilyRegistry& registry) {
  FamilyEntry entry;
  entry.spec = {"llava", "LLaVA: CLIP, a projector and a Llama",
                "transformers LlavaForConditionalGeneration; Liu et al., LLaVA-1.5, 2023"};
  entry.class_names = {"LlavaForConditionalGeneration", "LlavaLlamaForCausalLM", "llava", "llava_llama"};
  entry.captioner = load;
  registry.add(std::move(entry));
}

}  // namespace reel::models
