#include "models/llm/llama.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "models/layers/activation.h"
#include "models/layers/linear.h"
#include "models/layers/norm.h"
#include "models/layers/site_list.h"
#include "models/llm/rope_scaling.h"

namespace reel::models {
namespace {

struct Layer {
  const attention::Site& site;
  RmsNorm norm1, norm2;
  Linear qkv, out, gate_up, down;
};

class Llama : public LanguageModel {
 public:
  Llama(const Weights& weights, const LlamaOptions& options)
      : options_(options),
        activation_(parse_activation(weights.path("language_model"), options.activation)),
        dtype_(weights.options().dtype),
        device_(weights.options().device) {
    const Weights body = weights.scope("language_model");
    load_ends(weights, body);
    const int64_t width = options.width, head = options.head_width, queries = options.heads * head,
                  keys = options.key_heads * head;
    for (int64_t i = 0; i < options.layers; ++i) {
      const Weights layer = body.scope("layers").scope(std::to_string(i));
      const Weights attention = layer.scope("self_attn"), mlp = layer.scope("mlp");
      const attention::Site& site =
          sites_.add(site_path(attention), attention::SiteKind::kCausal, options.heads, options.key_heads);
      layers_.push_back({site, RmsNorm::load(layer.scope("input_layernorm"), width, options.norm_eps),
                         RmsNorm::load(layer.scope("post_attention_layernorm"), width, options.norm_eps),
                         Linear::load_fused(attention, {"q_proj", "k_proj", "v_proj"}, width,
                                            {queries, keys, keys}, options.attention_bias),
                         Linear::load(attention.scope("o_proj"), queries, width, options.attention_bias),
                         Linear::load_fused(mlp, {"gate_proj", "up_proj"}, width,
                                            {options.inner, options.inner}, options.mlp_bias),
                         Linear::load(mlp.scope("down_proj"), options.inner, width, options.mlp_bias)});
    }
    norm_ = RmsNorm::load(body.scope("norm"), width, options.norm_eps);
    options_.rotary.frequencies = weights.place(options_.rotary.frequencies);
  }

  at::Tensor embed(const at::Tensor& ids) const override {
    const at::Tensor on_host = ids.to(at::kCPU);
    if (on_host.numel() > 0) {
      const auto least = on_host.min().item<int64_t>(), most = on_host.max().item<int64_t>();
      if (least < 0 || most >= options_.vocabulary) {
        throw std::runtime_error("[language model] ids must lie in 0 to " +
                                 std::to_string(options_.vocabulary - 1) + ", got " +
                                 std::to_string(least < 0 ? least : most) +
                                 "; the model's tokenizer and weights do not belong together");
      }
    }
    return at::embedding(table_, ids.to(table_.device()));
  }

  at::Tensor forward(const at::Tensor& embedded, const TokenPass& pass,
                     attention::Processor& attend) const override {
    const int64_t rows = embedded.size(0), count = embedded.size(1);
    TORCH_CHECK(embedded.dim() == 3 && embedded.size(2) == options_.width,
                "language model: tokens must be [R, N, ", options_.width, "], got ", embedded.sizes());
    TORCH_CHECK(
        int64_t(pass.rows.size()) == rows && pass.positions.dim() == 3 && pass.positions.size(1) == count,
        "language model: ", rows, " rows of ", count, " tokens, but rows and positions for ",
        pass.rows.size(), " and ", pass.positions.sizes());
    // [R or 1, G, heads, N, axes]
    const at::Tensor positions = pass.positions.to(embedded.device()).unsqueeze(1).unsqueeze(1);
    const attention::RotaryAngles angles = attention::angles_at(options_.rotary, positions);
    at::Tensor x = embedded.to(dtype_, /*non_blocking=*/false, /*copy=*/true).contiguous();
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const at::Tensor qkv =
          layer.qkv(layer.norm1(x)).unflatten(-1, {-1, options_.head_width}).transpose(1, 2).unsqueeze(1);
      attention::Call call{
          .site = layer.site, .step = pass.step, .tokens = {0, 1, 1, count}, .rows = pass.rows};
      call.q = qkv.narrow(2, 0, options_.heads);
      call.k = qkv.narrow(2, options_.heads, options_.key_heads);
      call.v = qkv.narrow(2, options_.heads + options_.key_heads, options_.key_heads);
      call.rotary = &options_.rotary, call.positions = positions, call.angles = &angles;
      call.hidden = x.unsqueeze(1);
      call.visible.causal = true;
      if (pass.caches) call.cache = &(*pass.caches)[i];
      layer.out.add_to(x, merged_heads(attend.attend(std::move(call))).squeeze(1).contiguous());
      const at::Tensor gate_up = layer.gate_up(layer.norm2(x));
      const at::Tensor gate = activate(activation_, gate_up.narrow(-1, 0, options_.inner).contiguous());
      layer.down.add_to(x, gate * gate_up.narrow(-1, options_.inner, options_.inner));
    }
    return norm_(x);
  }

  at::Tensor logits(const at::Tensor& hidden) const override { return head_(hidden).to(at::kFloat); }

  int64_t width() const override { return options_.width; }
  int64_t vocabulary() const override { return options_.vocabulary; }
  size_t layers() const override { return layers_.size(); }
  int64_t max_tokens() const override { return options_.max_tokens; }
  at::ScalarType dtype() const override { return dtype_; }
  at::Device device() const override { return device_; }
  std::vector<attention::Site> sites() const override { return sites_.list(); }

 private:
  /// The embedding and the head, which may be one tensor.
  void load_ends(const Weights& weights, const Weights& body) {
    const std::vector<int64_t> shape = {options_.vocabulary, options_.width};
    const Weights of_head = weights.scope("lm_head");
    const bool with_head = of_head.has("weight"), with_table = body.has("embed_tokens.weight");
    at::Tensor table, head;
    if (with_table || !options_.tied_head || !with_head) table = body.get("embed_tokens.weight", shape);
    if (with_head || !options_.tied_head) head = of_head.get("weight", shape);
    if (!table.defined()) table = head;
    // Files of PyTorch hold both names of one tensor.
    const bool one = options_.tied_head && (!head.defined() || head.is_same(table) ||
                                            weights.options().shapes_only || at::equal(table, head));
    table_ = weights.place(table);
    head_ = {.weight = one ? table_ : weights.place(head),
             .rows_at_once = weights.options().rows_at_once,
             .gpu_tile = weights.options().gpu_tile,
             .host_plan = weights.options().plans_for_host()};
  }

  LlamaOptions options_;
  Activation activation_;
  at::ScalarType dtype_;
  at::Device device_;
  at::Tensor table_;  // [vocabulary, D]
  SiteList sites_;
  std::vector<Layer> layers_;
  RmsNorm norm_;
  Linear head_;
};

}  // namespace

LlamaOptions LlamaOptions::read(const Config& config) {
  LlamaOptions options;
  options.vocabulary = config.bounded("vocab_size", options.vocabulary, 1, 1 << 24);
  options.width = config.bounded("hidden_size", options.width, 1, 1 << 16);
  options.inner = config.bounded("intermediate_size", options.inner, 1, 1 << 20);
  options.layers = config.bounded("num_hidden_layers", options.layers, 1, 512);
  options.heads = config.bounded("num_attention_heads", options.heads, 1, 1 << 12);
  options.key_heads = config.bounded("num_key_value_heads", options.heads, 1, 1 << 12);
  if (options.width % options.heads != 0 || options.heads % options.key_heads != 0) {
    throw std::runtime_error("[" + config.place() +
                             "] 'num_attention_heads' must divide 'hidden_size', and " +
                             "'num_key_value_heads' divide it, got " + std::to_string(options.heads) + ", " +
                             std::to_string(options.width) + " and " + std::to_string(options.key_heads) +
                             "; correct the file or fetch it again");
  }
  options.head_width = config.bounded("head_dim", options.width / options.heads, 2, 1 << 12);
  if (options.head_width % 2 != 0) {
    throw std::runtime_error("[" + config.place() +
                             "] 'head_dim' must be even, since channels turn in pairs, got " +
                             std::to_string(options.head_width) + "; correct the file or fetch it again");
  }
  options.max_tokens = config.bounded("max_position_embeddings", options.max_tokens, 1, 1 << 24);
  options.norm_eps = config.number("rms_norm_eps", options.norm_eps);
  options.activation = config.text("hidden_act", options.activation);
  options.attention_bias = config.flag("attention_bias", false);
  options.mlp_bias = config.flag("mlp_bias", false);
  options.tied_head = config.flag("tie_word_embeddings", false);
  options.rotary = read_rotary(config, options.head_width, options.max_tokens);
  return options;
}

std::unique_ptr<LanguageModel> make_llama(const Weights& weights, const LlamaOptions& options) {
  return std::make_unique<Llama>(weights, options);
}

}  // namespace reel::models
