#include "models/unet/unet_time.h"

#include "models/layers/activation.h"
#include "models/layers/time_embedding.h"

namespace reel::models {

TimeEmbedding::TwoLayers TimeEmbedding::TwoLayers::load(const Weights& weights, int64_t in, int64_t out) {
  return {Linear::load(weights.scope("linear_1"), in, out),
          Linear::load(weights.scope("linear_2"), out, out)};
}

TimeEmbedding::TimeEmbedding(const Weights& weights, const Options& options) : options_(options) {
  const int64_t out = options.time_width;
  time_ = TwoLayers::load(weights.scope("time_embedding"), options.width, out);
  if (options.guidance_width > 0) {
    guidance_ = Linear::load(weights.scope("time_embedding.cond_proj"), options.guidance_width, options.width,
                             /*with_bias=*/false);
  }
  if (options.added_width > 0)
    added_ = TwoLayers::load(weights.scope("add_embedding"), options.added_width, out);
  if (options.fps) fps_ = TwoLayers::load(weights.scope("fps_embedding"), options.width, out);
}

at::Tensor TimeEmbedding::operator()(const Step& step, const Conditioning& condition, int64_t rows,
                                     at::Device device, at::ScalarType dtype) const {
  const auto floats = at::TensorOptions(at::kFloat).device(device);
  const at::Tensor timesteps = condition.timesteps.defined() ? condition.timesteps.to(floats)
                                                             : at::full({rows}, step.timestep, floats);
  at::Tensor sinusoids = timestep_embedding(timesteps, options_.width).to(dtype);
  if (condition.guidance.defined() && guidance_.weight.defined())
    sinusoids.add_(guidance_(condition.guidance.to(dtype)));
  at::Tensor time = time_.second(activate(options_.activation, time_.first(sinusoids)));
  if (options_.added_width > 0) {
    if (!condition.pooled.defined() || !condition.time_ids.defined()) {
      throw std::invalid_argument(
          "[model] it wants pooled text embeddings and time ids (an SDXL-like network), got none");
    }
    const at::Tensor ids =
        timestep_embedding(condition.time_ids.flatten(), options_.added_id_width).view({rows, -1});
    const at::Tensor added = at::cat({condition.pooled.to(dtype), ids.to(dtype)}, 1);
    time = time + added_.second(activate(Activation::kSilu, added_.first(added)));
  }
  if (options_.fps) {
    const auto fps = condition.facts.find("fps");
    if (fps == condition.facts.end()) {
      throw std::invalid_argument(
          "[model] it wants to know the frame rate (the fact 'fps', VideoCrafter2: 28), got none");
    }
    const at::Tensor rate = timestep_embedding(at::full({rows}, fps->second, floats), options_.width);
    time = time + fps_.second(activate(Activation::kSilu, fps_.first(rate.to(dtype))));
  }
  return time;
}

}  // namespace reel::models
