#include "models/families/support/captioner_parts.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

#include "models/layers/linear.h"
#include "models/vision/picture_spans.h"

namespace reel::models {
namespace {

class JoinedCaptioner : public Captioner {
 public:
  explicit JoinedCaptioner(CaptionerParts parts) : parts_(std::move(parts)) {}

  at::Tensor picture_features(const at::Tensor& pixels, attention::Processor* attend) const override {
    return parts_.project(parts_.tower->features(pixels, attend));
  }

  int64_t image_token() const override { return parts_.image_token; }

  std::vector<int64_t> picture_ids(const PictureSize& size) const override {
    return std::vector<int64_t>(static_cast<size_t>(parts_.tower->grid(size.height, size.width).count()),
                                parts_.image_token);
  }

  EmbeddedPrompt embed(const std::vector<int64_t>& ids,
                       const std::vector<PictureTokens>& pictures) const override {
    std::vector<FeatureGrid> grids;
    std::vector<at::Tensor> features;
    for (const PictureTokens& picture : pictures) {
      grids.push_back(parts_.tower->grid(picture.size.height, picture.size.width));
      features.push_back(picture.features);
      TORCH_CHECK(picture.features.dim() == 2 && picture.features.size(0) == grids.back().count(),
                  "captioner: a picture of this size has ", grids.back().count(), " features, got ",
                  picture.features.sizes());
    }
    EmbeddedPrompt prompt;
    prompt.images = picture_spans(ids, parts_.image_token, grids);
    std::vector<int64_t> words = ids;  // pictures have no row of their own in the table
    std::replace(words.begin(), words.end(), parts_.image_token, int64_t{0});
    prompt.embedded = parts_.language_model->embed(at::tensor(words, at::kLong).unsqueeze(0));
    put_features(prompt.embedded[0], prompt.images, features);
    prompt.positions = at::arange(static_cast<int64_t>(ids.size()), at::kFloat).view({1, -1, 1});
    return prompt;
  }

  const LanguageModel& language_model() const override { return *parts_.language_model; }
  SpecialIds special_ids() const override { return parts_.ids; }

  std::vector<attention::Site> sites() const override {
    std::vector<attention::Site> all = parts_.tower->sites();
    for (const attention::Site& site : parts_.language_model->sites()) all.push_back(site);
    return all;
  }

 private:
  CaptionerParts parts_;
};

}  // namespace

std::unique_ptr<Captioner> build_captioner(const Checkpoint& checkpoint, const LoadOptions& options,
                                           const std::function<CaptionerParts(const Weights&)>& make) {
  LoadOptions tiled = options;
  tiled.gpu_tile = kDecodeTile;
  return build_checked(checkpoint, tiled, [&](const Weights& weights) -> std::unique_ptr<Captioner> {
    return std::make_unique<JoinedCaptioner>(make(weights));
  });
}

}  // namespace reel::models
