// A causal language model of tests: two layers, heads that share key heads, rotary embedding, a cache.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <vector>

#include "attention/key_values.h"
#include "attention/processor.h"
#include "models/layers/activation.h"
#include "models/layers/linear.h"
#include "models/layers/site_list.h"

namespace reel::models {

class CausalModel {
 public:
  static constexpr int64_t kVocabulary = 96, kWidth = 64, kHeads = 4, kKeyHeads = 2, kHeadWidth = 16,
                           kLayers = 2;

  explicit CausalModel(at::ScalarType dtype = at::kFloat, at::Device device = at::kCPU)
      : rotary_(attention::Rotary::plain(kHeadWidth, 10000)) {
    at::manual_seed(11);
    // Residuals are damped, so that rounding stays rounding.
    const auto random = [&](at::IntArrayRef sizes, double scale) {
      return (at::randn(sizes) * scale).to(dtype).to(device);
    };
    const auto linear = [&](int64_t in, int64_t out, double gain) {
      return Linear{.weight = random({out, in}, gain / std::sqrt(double(in))),
                    .bias = random({out}, 0.02),
                    .gpu_tile = kDecodeTile};
    };
    embedding_ = random({kVocabulary, kWidth}, 1);
    for (int64_t i = 0; i < kLayers; ++i) {
      layers_.push_back({sites_.add("layers." + std::to_string(i) + ".self_attn",
                                    attention::SiteKind::kCausal, kHeads, kKeyHeads),
                         linear(kWidth, (kHeads + 2 * kKeyHeads) * kHeadWidth, 1.5),
                         linear(kHeads * kHeadWidth, kWidth, 0.4), linear(kWidth, 2 * kWidth, 1),
                         linear(2 * kWidth, kWidth, 0.4)});
    }
    head_ = linear(kWidth, kVocabulary, 3);
  }

  std::vector<attention::Site> sites() const { return sites_.list(); }

  /// ids [R, N] -> logits [R, N, vocabulary] f32. Without caches, positions count from 0; with them (one for each
  /// layer), from what each row's sequence has there.
  at::Tensor forward(const at::Tensor& ids, std::span<const Row> rows, attention::Processor& attend,
                     std::vector<attention::KeyValues>* caches = nullptr, int step = 0) const {
    const int64_t count = ids.size(1), batch = ids.size(0);
    const Step now{.index = step, .count = 1};
    at::Tensor positions =
        at::arange(count, at::kFloat).view({1, 1, 1, count, 1}).repeat({batch, 1, 1, 1, 1});
    for (int64_t r = 0; caches && r < batch; ++r)
      positions[r].add_(double((*caches)[0].length(rows[size_t(r)].sequence->id)));
    positions = positions.to(ids.device());
    at::Tensor x = at::embedding(embedding_, ids);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const at::Tensor qkv =
          layer.qkv(normed(x)).unflatten(-1, {-1, kHeadWidth}).transpose(1, 2).unsqueeze(1);
      attention::Call call{.site = layer.site, .step = now, .tokens = {0, 1, 1, count}, .rows = rows};
      call.q = qkv.narrow(2, 0, kHeads), call.k = qkv.narrow(2, kHeads, kKeyHeads),
      call.v = qkv.narrow(2, kHeads + kKeyHeads, kKeyHeads);
      call.rotary = &rotary_, call.positions = positions, call.hidden = x.unsqueeze(1);
      call.visible.causal = true;
      if (caches) call.cache = &(*caches)[i];
      x = x + layer.out(merged_heads(attend.attend(std::move(call))).squeeze(1));
      x = x + layer.down(activate(Activation::kSilu, layer.up(normed(x))));
    }
    return head_(normed(x)).to(at::kFloat);
  }

 private:
  struct Layer {
    const attention::Site& site;
    Linear qkv, out, up, down;
  };
  static at::Tensor normed(const at::Tensor& x) {
    const at::Tensor wide = x.to(at::kFloat);
    return (wide * at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + 1e-6)).to(x.scalar_type());
  }

  attention::Rotary rotary_;
  SiteList sites_;
  at::Tensor embedding_;
  std::vector<Layer> layers_;
  Linear head_;
};

}  // namespace reel::models
