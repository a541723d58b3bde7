// LLaVA: CLIP's features of a picture, projected to the width of a Llama, which reads them as tokens.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "models/families/support/llava_options.h"
#include "models/family.h"
#include "models/files/input/input_file.h"
#include "models/layers/linear.h"
#include "models/layouts/llava_layout.h"
#include "models/vision/picture_spans.h"

namespace reel::models {
namespace {

class Llava : public Captioner {
 public:
  Llava(const Weights& weights, const LlavaOptions& options, const std::string& place)
      : tower_(make_clip_vision(weights.scope("vision_tower"), options.vision, options.features, place)),
        projector_(weights.scope("multi_modal_projector"), options.projector),
        language_model_(make_llama(weights, options.text)),
        ids_(options.ids),
        image_token_(options.image_token) {}

  at::Tensor picture_features(const at::Tensor& pixels, attention::Processor* attend) const override {
    return projector_(tower_->features(pixels, attend));
  }

  int64_t image_token() const override { return image_token_; }

  std::vector<int64_t> picture_ids(const PictureSize& size) const override {
    return std::vector<int64_t>(static_cast<size_t>(tower_->grid(size.height, size.width).count()),
                                image_token_);
  }

  EmbeddedPrompt embed(const std::vector<int64_t>& ids,
                       const std::vector<PictureTokens>& pictures) const override {
    std::vector<FeatureGrid> grids;
    std::vector<at::Tensor> features;
    for (const PictureTokens& picture : pictures) {
      grids.push_back(tower_->grid(picture.size.height, picture.size.width));
      features.push_back(picture.features);
      TORCH_CHECK(picture.features.dim() == 2 && picture.features.size(0) == grids.back().count(),
                  "captioner: a picture of this size has ", grids.back().count(), " features, got ",
                  picture.features.sizes());
    }
    EmbeddedPrompt prompt;
    prompt.images = picture_spans(ids, image_token_, grids);
    std::vector<int64_t> words = ids;  // pictures have no row of their own in the table
    std::replace(words.begin(), words.end(), image_token_, int64_t{0});
    prompt.embedded = language_model_->embed(at::tensor(words, at::kLong).unsqueeze(0));
    put_features(prompt.embedded[0], prompt.images, features);
    prompt.positions = at::arange(static_cast<int64_t>(ids.size()), at::kFloat).view({1, -1, 1});
    return prompt;
  }

  const LanguageModel& language_model() const override { return *language_model_; }
  SpecialIds special_ids() const override { return ids_; }

  std::vector<attention::Site> sites() const override {
    std::vector<attention::Site> all = tower_->sites();
    for (const attention::Site& site : language_model_->sites()) all.push_back(site);
    return all;
  }

 private:
  std::unique_ptr<VisionTower> tower_;
  Projector projector_;
  std::unique_ptr<LanguageModel> language_model_;
  SpecialIds ids_;
  int64_t image_token_;
};

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
  LoadOptions tiled = options;
  tiled.gpu_tile = kDecodeTile;
  return build_checked(checkpoint, tiled, [&](const Weights& weights) -> std::unique_ptr<Captioner> {
    return std::make_unique<Llava>(weights, llava, files.config.place());
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
