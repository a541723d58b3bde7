#include "models/vision/clip_vision.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "models/layers/activation.h"
#include "models/layers/linear.h"
#include "models/layers/norm.h"
#include "models/layers/site_list.h"

namespace reel::models {
namespace {

/// The layer at an index as configurations write it: 0 to `layers`, or -1 - `layers` to -1.
int64_t hidden_state(int64_t index, int64_t layers, const std::string& place) {
  const int64_t state = index < 0 ? layers + 1 + index : index;
  if (state >= 0 && state <= layers) return state;
  throw std::runtime_error("[" + place + "] the vision feature layer must lie in " +
                           std::to_string(-layers - 1) + " to " + std::to_string(layers) +
                           " for a tower of " + std::to_string(layers) + " layers, got " +
                           std::to_string(index) + "; correct the file or fetch it again");
}

class ClipVision : public VisionTower {
 public:
  ClipVision(const Weights& weights, const ClipVisionOptions& options, const FeatureChoice& choice,
             const std::string& place)
      : options_(options),
        class_token_(choice.class_token),
        side_(options.image / options.patch),
        activation_(parse_activation(weights.path(), options.activation)) {
    for (const int64_t index : choice.layers) states_.push_back(hidden_state(index, options.layers, place));
    const Weights embeddings = weights.scope("embeddings");
    class_embedding_ = weights.place(embeddings.get("class_embedding", {options.width}));
    const Weights patches = embeddings.scope("patch_embedding");
    patch_embedding_ = {
        .weight = weights.place(
            patches.get("weight", {options.width, options.channels, options.patch, options.patch})
                .flatten(1)),
        .rows_at_once = weights.options().rows_at_once,
        .gpu_tile = weights.options().gpu_tile,
        .host_plan = weights.options().plans_for_host()};
    positions_ =
        weights.place(embeddings.get("position_embedding.weight", {side_ * side_ + 1, options.width}));
    // The name is misspelt in every checkpoint.
    norm_ = LayerNorm::load(weights.scope("pre_layrnorm"), options.width, options.norm_eps);
    const int64_t read = *std::max_element(states_.begin(), states_.end());
    for (int64_t i = 0; i < options.layers; ++i) {
      const Weights layer = weights.scope("encoder.layers").scope(std::to_string(i));
      if (i < read)
        layers_.push_back(load(layer, sites_.add(site_path(layer.scope("self_attn")),
                                                 attention::SiteKind::kVision, options_.heads)));
      else if (weights.options().shapes_only)
        load(layer, attention::Site{});  // is checked, and forgotten
    }
    if (weights.options().shapes_only)
      LayerNorm::load(weights.scope("post_layernorm"), options.width, options.norm_eps);
  }

  FeatureGrid grid(int64_t height, int64_t width) const override {
    if (height != options_.image || width != options_.image) {
      throw std::invalid_argument("[vision tower] pictures must be " + std::to_string(options_.image) + "x" +
                                  std::to_string(options_.image) + " pixels, got " + std::to_string(width) +
                                  "x" + std::to_string(height) +
                                  "; prepare them with the model's own processor");
    }
    return {side_, side_, class_token_ ? 1 : 0};
  }

  int64_t width() const override { return options_.width * static_cast<int64_t>(states_.size()); }
  std::vector<attention::Site> sites() const override { return sites_.list(); }

  at::Tensor features(const at::Tensor& pixels, attention::Processor* attend) const override {
    if (pixels.dim() != 4 || pixels.size(1) != options_.channels) {
      throw std::invalid_argument("[vision tower] pictures must be [P, " + std::to_string(options_.channels) +
                                  ", H, W], got " + c10::str(pixels.sizes()));
    }
    grid(pixels.size(2), pixels.size(3));
    attention::Processor unedited;
    attention::Processor& door = attend ? *attend : unedited;
    at::Tensor x = norm_(embedded(pixels));
    std::vector<at::Tensor> chosen(states_.size());
    const int64_t first = class_token_ ? 0 : 1, count = x.size(1) - first;
    const auto keep = [&](int64_t state) {
      for (size_t i = 0; i < states_.size(); ++i) {
        // Layers add to x in place: a state that others follow is copied.
        if (states_[i] == state) chosen[i] = x.narrow(1, first, count).clone();
      }
    };
    keep(0);
    for (size_t i = 0; i < layers_.size(); ++i) {
      run(layers_[i], x, door);
      keep(static_cast<int64_t>(i) + 1);
    }
    return chosen.size() == 1 ? chosen[0] : at::cat(chosen, -1);
  }

 private:
  struct Layer {
    const attention::Site& site;
    LayerNorm norm1, norm2;
    Linear qkv, out, up, down;
  };

  Layer load(const Weights& layer, const attention::Site& site) const {
    const int64_t width = options_.width;
    const Weights attention = layer.scope("self_attn"), mlp = layer.scope("mlp");
    return {site,
            LayerNorm::load(layer.scope("layer_norm1"), width, options_.norm_eps),
            LayerNorm::load(layer.scope("layer_norm2"), width, options_.norm_eps),
            Linear::load_fused(attention, {"q_proj", "k_proj", "v_proj"}, width, {width, width, width}, true),
            Linear::load(attention.scope("out_proj"), width, width),
            Linear::load(mlp.scope("fc1"), width, options_.inner),
            Linear::load(mlp.scope("fc2"), options_.inner, width)};
  }

  /// Patches, the class token in front, and their positions: [P, 1 + patches, D]. Patches are cut out and multiplied,
  /// rather than convolved, so that a picture does not depend on those beside it.
  at::Tensor embedded(const at::Tensor& pixels) const {
    const int64_t pictures = pixels.size(0), patch = options_.patch, used = side_ * patch;
    const at::Tensor patches = pixels.narrow(2, 0, used)
                                   .narrow(3, 0, used)
                                   .to(class_embedding_.options())
                                   .reshape({pictures, options_.channels, side_, patch, side_, patch})
                                   .permute({0, 2, 4, 1, 3, 5})
                                   .reshape({pictures, side_ * side_, options_.channels * patch * patch});
    const at::Tensor first = class_embedding_.expand({pictures, 1, options_.width});
    return at::cat({first, patch_embedding_(patches)}, 1).add_(positions_);
  }

  void run(const Layer& layer, const at::Tensor& x, attention::Processor& door) const {
    const int64_t pictures = x.size(0), tokens = x.size(1), heads = options_.heads;
    const at::Tensor qkv = layer.qkv(layer.norm1(x))
                               .view({pictures, 1, tokens, 3 * heads, options_.width / heads})
                               .transpose(2, 3);
    const Step step;
    const std::vector<Row> rows(static_cast<size_t>(pictures));
    attention::Call call{
        .site = layer.site, .step = step, .tokens = {tokens - side_ * side_, 1, side_, side_}, .rows = rows};
    call.q = qkv.narrow(2, 0, heads), call.k = qkv.narrow(2, heads, heads),
    call.v = qkv.narrow(2, 2 * heads, heads);
    call.hidden = x.unsqueeze(1);
    layer.out.add_to(x, merged_heads(door.attend(std::move(call))).squeeze(1).contiguous());
    layer.down.add_to(x, activate(activation_, layer.up(layer.norm2(x))));
  }

  ClipVisionOptions options_;
  bool class_token_;
  int64_t side_;  // of the grid of patches
  Activation activation_;
  std::vector<int64_t> states_;  // that are the features, counted from 0
  at::Tensor class_embedding_, positions_;
  Linear patch_embedding_;
  LayerNorm norm_;
  SiteList sites_;
  std::vector<Layer> layers_;  // those that run
};

/// An integer, or a list of two equal ones.
int64_t side(const Config& config, const std::string& key, int64_t absent, int64_t high) {
  const auto sides = config.per_block(key, 2, absent, {1, high});
  if (sides[0] == sides[1]) return sides[0];
  throw std::runtime_error("[" + config.place() + "] '" + key + "' must be square, got " +
                           std::to_string(sides[0]) + " and " + std::to_string(sides[1]) +
                           "; such towers are not supported");
}

/// The sizes of a tower in a checkpoint that states none. Heads of CLIP are 64 wide.
ClipVisionOptions of_tensors(const Checkpoint& checkpoint) {
  const auto shape = [&](const std::string& name, size_t rank) {
    const std::string full = "vision_tower." + name;
    if (checkpoint.has(full) && checkpoint.info(full).shape.size() == rank)
      return checkpoint.info(full).shape;
    throw std::runtime_error("[" + checkpoint.path + "] has no tensor of " + std::to_string(rank) +
                             " dimensions that means '" + full + "'; is the checkpoint complete?");
  };
  ClipVisionOptions options;
  const auto patches = shape("embeddings.patch_embedding.weight", 4);
  options.width = patches[0], options.channels = patches[1], options.patch = patches[2];
  const int64_t places = shape("embeddings.position_embedding.weight", 2)[0] - 1;
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(std::max<double>(0, double(places)))));
  options.inner = shape("encoder.layers.0.mlp.fc1.weight", 2)[0];
  options.layers = 0;
  while (checkpoint.has("vision_tower.encoder.layers." + std::to_string(options.layers) + ".mlp.fc1.weight"))
    ++options.layers;
  options.heads = options.width / 64;
  if (options.width < 64 || options.width % 64 != 0 || side < 1 || side > 1 << 12 || options.patch < 1 ||
      options.patch > 1 << 12) {
    throw std::runtime_error("[" + checkpoint.path + "] holds a vision tower of width " +
                             std::to_string(options.width) + " and " + std::to_string(places) +
                             " places, whose heads are not those of CLIP; state its "
                             "sizes as vision_config in config.json");
  }
  options.image = side * options.patch;
  return options;
}

}  // namespace

ClipVisionOptions ClipVisionOptions::read(const Config& config) {
  ClipVisionOptions options;
  options.width = config.bounded("hidden_size", options.width, 1, 1 << 16);
  options.inner = config.bounded("intermediate_size", options.inner, 1, 1 << 20);
  options.layers = config.bounded("num_hidden_layers", options.layers, 1, 512);
  options.heads = config.bounded("num_attention_heads", options.heads, 1, 1 << 12);
  options.channels = config.bounded("num_channels", options.channels, 1, 1 << 12);
  options.image = side(config, "image_size", options.image, 1 << 14);
  options.patch = side(config, "patch_size", options.patch, 1 << 14);
  options.norm_eps = config.number("layer_norm_eps", options.norm_eps);
  options.activation = config.text("hidden_act", options.activation);
  if (options.width % options.heads != 0 || options.patch > options.image) {
    throw std::runtime_error("[" + config.place() +
                             "] 'num_attention_heads' must divide 'hidden_size', and 'patch_size' "
                             "be at most 'image_size', got " +
                             std::to_string(options.heads) + ", " + std::to_string(options.width) + ", " +
                             std::to_string(options.patch) + " and " + std::to_string(options.image) +
                             "; correct the file or fetch it again");
  }
  return options;
}

ClipVisionOptions ClipVisionOptions::of_original(const Config& config, const std::optional<Config>& tower,
                                                 const Checkpoint& checkpoint) {
  if (config.has("vision_config")) return read(config.object("vision_config"));
  if (tower) return read(tower->has("vision_config") ? tower->object("vision_config") : *tower);
  return of_tensors(checkpoint);
}

std::unique_ptr<VisionTower> make_clip_vision(const Weights& weights, const ClipVisionOptions& options,
                                              const FeatureChoice& choice, const std::string& place) {
  return std::make_unique<ClipVision>(weights, options, choice, place);
}

}  // namespace reel::models
