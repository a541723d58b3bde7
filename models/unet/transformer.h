// Transformer blocks of UNets: spatial ones with self- and cross-attention, temporal ones along frames.
#pragma once

#include <map>
#include <vector>

#include "attention/processor.h"
#include "models/denoiser.h"
#include "models/layers/linear.h"
#include "models/layers/norm.h"
#include "models/layers/site_list.h"

namespace reel::models {

/// One run of a UNet.
struct UNetState : DenoiserState {
  Conditioning condition;  // context already in the network's dtype
  /// Keys and values of the context by attention site (Site::block). They are the same at every step: each site
  /// adds its own at its first call. Contexts of each frame are projected anew, since they take F times the memory.
  std::map<int, at::Tensor> projected_text;
};

/// What every layer of one forward pass shares.
struct Pass {
  const Step& step;
  UNetState& state;
  attention::Processor& attend;
};

/// One attention layer: projections around a call of the processor. x is [R, F, P, C], P = height * width.
class Attention {
 public:
  /// width: of x; inner: heads * head width; context: width of what keys and values are made from, 0 for
  /// self-attention.
  Attention(const Weights& weights, SiteList& sites, attention::SiteKind kind, int64_t width, int64_t heads,
            int64_t inner, int64_t context = 0, bool qkv_bias = false);
  /// Adds the layer's output for x to `residual`. x is the layer's normalised input; both are [R, F, P, C].
  void add_to(const at::Tensor& residual, const at::Tensor& x, int64_t height, int64_t width,
              const Pass& pass) const;

 private:
  /// [R, 1 or F, L, 2 inner]: keys and values of the context, one set for all frames of a row or one per
  /// frame.
  at::Tensor keys_and_values(UNetState& state) const;

  const attention::Site& site_;
  int64_t heads_, inner_;
  Linear query_, key_value_, qkv_, out_;  // either qkv_, or the first two
};

/// Feed-forward layer (GEGLU or plain), four times as wide inside. add_to adds its output for x to
/// `residual`.
class FeedForward {
 public:
  FeedForward(const Weights& weights, int64_t width);
  void add_to(const at::Tensor& residual, const at::Tensor& x) const;

 private:
  Linear in_, out_;
};

/// Transformer2DModel: group norm, projection in, blocks of (self-attention, cross-attention, feed-forward),
/// projection out, residual. x [R, F, H, W, C].
class SpatialTransformer {
 public:
  struct Options {
    int64_t channels, heads, layers, context, norm_groups;
    int64_t inner = 0;  // width between the projections; 0: channels
    bool only_cross = false;
  };
  SpatialTransformer(const Weights& weights, SiteList& sites, const Options& options);
  at::Tensor operator()(const at::Tensor& x, const Pass& pass) const;

 private:
  struct Block {
    LayerNorm norm1, norm2, norm3;
    Attention self, cross;
    FeedForward feed_forward;
  };
  GroupNorm norm_;
  Linear in_, out_;
  std::vector<Block> blocks_;
};

/// TransformerTemporalModel, and AnimateDiff's motion module: as SpatialTransformer, but with two
/// self-attentions along frames. A motion module adds sinusoidal frame positions to the input of each.
/// x [R, F, H, W, C].
class TemporalTransformer {
 public:
  struct Options {
    int64_t channels, heads, layers, norm_groups;
    int64_t inner = 0;       // width between the projections; 0: channels
    int64_t max_frames = 0;  // rows of its position table; 0: no positions, any number of frames
  };
  TemporalTransformer(const Weights& weights, SiteList& sites, const Options& options);
  /// Throws: std::invalid_argument if x has more frames than the position table.
  at::Tensor operator()(const at::Tensor& x, const Pass& pass) const;

 private:
  struct Block {
    LayerNorm norm1, norm2, norm3;
    at::Tensor positions;  // [max_frames, C], or undefined
    Attention first, second;
    FeedForward feed_forward;
  };
  GroupNorm norm_;
  Linear in_, out_;
  std::vector<Block> blocks_;
};

}  // namespace reel::models
