#include "models/text/clip_text_model.h"

#include "attention/processor.h"
#include "models/layers/activation.h"
#include "models/layers/linear.h"
#include "models/layers/norm.h"
#include "models/layers/site_list.h"

namespace reel::models {
namespace {

struct Layer {
  const attention::Site& site;
  LayerNorm norm1, norm2;
  Linear qkv, out, up, down;
};

class ClipText : public TextEncoder {
 public:
  ClipText(const Weights& weights, const Config& config, std::shared_ptr<const Tokenizer> tokenizer,
           std::optional<int64_t> pad_id)
      : tokenizer_(std::move(tokenizer)),
        pad_id_(pad_id.value_or(tokenizer_ ? tokenizer_->pad_id() : 0)),
        width_(config.bounded("hidden_size", 512, 1, 1 << 16)),
        heads_(config.bounded("num_attention_heads", 8, 1, 1 << 12)),
        max_tokens_(config.bounded("max_position_embeddings", 77, 1, 1 << 16)),
        activation_(parse_activation(config.place(), config.text("hidden_act", "quick_gelu"))) {
    if (width_ % heads_) {
      throw std::runtime_error("[" + config.place() + "] hidden_size " + std::to_string(width_) +
                               " does not divide into " + std::to_string(heads_) + " heads");
    }
    const int64_t inner = config.bounded("intermediate_size", 2048, 1, 1 << 20);
    const double eps = config.number("layer_norm_eps", 1e-5);
    vocabulary_ = config.bounded("vocab_size", 49408, 1, 1 << 24);
    token_table_ = weights.place(weights.get("embeddings.token_embedding.weight", {vocabulary_, width_}));
    position_table_ =
        weights.place(weights.get("embeddings.position_embedding.weight", {max_tokens_, width_}));
    weights.ignore("embeddings.position_ids");  // a buffer of older files: 0, 1, 2, ...
    const int64_t layers = config.bounded("num_hidden_layers", 12, 1, 512);
    for (int64_t i = 0; i < layers; ++i) {
      const Weights layer = weights.scope("encoder.layers").scope(std::to_string(i));
      const attention::Site& site =
          sites_.add(site_path(layer.scope("self_attn")), attention::SiteKind::kText, heads_);
      layers_.push_back({site, LayerNorm::load(layer.scope("layer_norm1"), width_, eps),
                         LayerNorm::load(layer.scope("layer_norm2"), width_, eps),
                         Linear::load_fused(layer.scope("self_attn"), {"q_proj", "k_proj", "v_proj"}, width_,
                                            {width_, width_, width_}, true),
                         Linear::load(layer.scope("self_attn.out_proj"), width_, width_),
                         Linear::load(layer.scope("mlp.fc1"), width_, inner),
                         Linear::load(layer.scope("mlp.fc2"), inner, width_)});
    }
    final_norm_ = LayerNorm::load(weights.scope("final_layer_norm"), width_, eps);
  }

  std::vector<attention::Site> sites() const override { return sites_.list(); }

  int64_t max_tokens() const override {
    const int64_t own = tokenizer_ ? tokenizer_->max_length() : 0;
    return own > 0 ? std::min(own, max_tokens_) : max_tokens_;
  }

  std::vector<int64_t> tokenize(const std::string& text) const override {
    TORCH_INTERNAL_ASSERT(tokenizer_, "a text encoder without a tokenizer encodes ids only");
    return tokenizer_->encode(text);
  }

  at::Tensor encode(const std::vector<std::string>& texts, int clip_skip,
                    attention::Processor* attend) const override {
    const int64_t length = max_tokens();
    at::Tensor ids = at::full({static_cast<int64_t>(texts.size()), length}, pad_id_, at::kLong);
    for (size_t r = 0; r < texts.size(); ++r) {
      std::vector<int64_t> row = tokenize(texts[r]);
      if (static_cast<int64_t>(row.size()) > length) {  // the end token stays: it carries the text's meaning
        row.resize(static_cast<size_t>(length));
        row.back() = tokenizer_->eos_id();
      }
      ids[static_cast<int64_t>(r)]
          .narrow(0, 0, static_cast<int64_t>(row.size()))
          .copy_(at::tensor(row, at::kLong));
    }
    return encode_ids(ids, clip_skip, attend);
  }

  at::Tensor encode_ids(const at::Tensor& ids, int clip_skip, attention::Processor* attend) const override {
    const auto depth = static_cast<int>(layers_.size());
    if (clip_skip < 0 || clip_skip > depth) {
      throw std::invalid_argument("[clip] 'clip_skip' must lie in 0 to " + std::to_string(depth) + ", got " +
                                  std::to_string(clip_skip) + "; 1 takes the layer before the last");
    }
    const int64_t rows = ids.size(0), length = ids.size(1);
    if (length > max_tokens_) {
      throw std::invalid_argument("[clip] at most " + std::to_string(max_tokens_) + " tokens fit, got " +
                                  std::to_string(length));
    }
    if (ids.numel() && (ids.min().item<int64_t>() < 0 || ids.max().item<int64_t>() >= vocabulary_)) {
      throw std::runtime_error("[clip] the tokenizer gives ids beyond the text encoder's vocabulary of " +
                               std::to_string(vocabulary_) +
                               "; the model's tokenizer and text_encoder do not belong together");
    }
    at::Tensor x =
        at::embedding(token_table_, ids.to(token_table_.device())) + position_table_.narrow(0, 0, length);
    const Step step;
    attention::Processor unedited;
    attention::Processor& door = attend ? *attend : unedited;
    for (int i = 0; i < depth - clip_skip; ++i) {
      const Layer& layer = layers_[static_cast<size_t>(i)];
      const at::Tensor qkv =
          layer.qkv(layer.norm1(x)).view({rows, 1, length, 3 * heads_, width_ / heads_}).transpose(2, 3);
      attention::Call call{.site = layer.site, .step = step, .tokens = {0, 1, 1, length}};
      call.q = qkv.narrow(2, 0, heads_), call.k = qkv.narrow(2, heads_, heads_),
      call.v = qkv.narrow(2, 2 * heads_, heads_);
      call.visible.causal = true;
      x = x + layer.out(merged_heads(door.attend(std::move(call))).squeeze(1));
      x = x + layer.down(activate(activation_, layer.up(layer.norm2(x))));
    }
    return final_norm_(x);
  }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  int64_t pad_id_;
  int64_t width_, heads_, max_tokens_, vocabulary_ = 0;
  Activation activation_;
  at::Tensor token_table_, position_table_;
  SiteList sites_;
  std::vector<Layer> layers_;
  LayerNorm final_norm_;
};

}  // namespace

std::unique_ptr<TextEncoder> make_clip_text(const Weights& weights, const Config& config,
                                            std::shared_ptr<const Tokenizer> tokenizer,
                                            std::optional<int64_t> pad_id) {
  return std::make_unique<ClipText>(weights, config, std::move(tokenizer), pad_id);
}

}  // namespace reel::models
