// OpenCLIP's text tower: the conditioner inside the original single-file checkpoints of VideoCrafter2.
#include "models/family.h"
#include "models/text/open_clip_tower.h"

namespace reel::models {

void register_open_clip_text(FamilyRegistry& registry) {
  FamilyEntry entry;
  entry.spec = {"open_clip_text", "OpenCLIP's text tower inside a checkpoint of the original layout",
                "Cherti et al., OpenCLIP, 2023; lvdm's FrozenOpenCLIPEmbedder"};
  entry.class_names = {"FrozenOpenCLIPEmbedder"};
  entry.text_encoder = [](const ComponentFiles& files, const LoadOptions& options) {
    return load_open_clip_text(Checkpoint::open(files.folder), files.prefix, files.tokenizer, options);
  };
  registry.add(std::move(entry));
}

}  // namespace reel::models
