// CLIPTextModel: the text encoder of Stable Diffusion 1.x and AnimateDiff.
#include "models/text/clip_text_model.h"

#include "models/family.h"

namespace reel::models {
namespace {

std::unique_ptr<TextEncoder> load(const ComponentFiles& files, const LoadOptions& options) {
  std::shared_ptr<const Tokenizer> tokenizer;
  if (!files.tokenizer.empty()) tokenizer = Tokenizer::open(files.tokenizer);
  Checkpoint checkpoint = Checkpoint::open(files.folder);
  // transformers writes the names with the prefix up to version 4, without it from 5 on.
  checkpoint.rename(
      [](const std::string& name) { return name.starts_with("text_model.") ? name.substr(11) : name; });
  return build_checked(checkpoint, options, [&](const Weights& weights) {
    return make_clip_text(weights, files.config, tokenizer);
  });
}

}  // namespace

void register_clip_text(FamilyRegistry& registry) {
  FamilyEntry entry;
  entry.spec = {"clip_text", "CLIP's text encoder", "transformers CLIPTextModel; Radford et al., CLIP, 2021"};
  entry.class_names = {"CLIPTextModel", "clip_text_model"};
  entry.text_encoder = load;
  registry.add(std::move(entry));
}

}  // namespace reel::models
