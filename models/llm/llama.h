// The Llama language model: RMS norms, rotary embedding, key heads shared by query heads, a gated feed-forward.
#pragma once

#include <memory>

#include "models/files/config.h"
#include "models/language_model.h"
#include "models/weights.h"

namespace reel::models {

/// The sizes and options of a Llama, as LlamaConfig of transformers states them.
struct LlamaOptions {
  int64_t vocabulary = 32000, width = 4096, inner = 11008, layers = 32, heads = 32, key_heads = 32,
          head_width = 128, max_tokens = 2048;
  double norm_eps = 1e-6;
  std::string activation = "silu";
  bool attention_bias = false, mlp_bias = false, tied_head = false;
  attention::Rotary rotary;

  /// Absent keys mean the defaults of LlamaConfig. Throws: std::runtime_error for values out of bounds, heads that do not
  /// divide, or a rotary embedding that is not supported.
  static LlamaOptions read(const Config& config);
};

/// Builds the network from weights below `language_model` and `lm_head`: `language_model.embed_tokens.weight`,
/// `language_model.layers.N.self_attn.q_proj.weight`, ..., `language_model.norm.weight`, `lm_head.weight`. With
/// `tied_head` the head may be absent, or there and equal to the embedding, which then serves for both; one with other
/// values is used, as transformers does.
/// Source: transformers LlamaForCausalLM; Touvron et al., Llama 2, 2023.
std::unique_ptr<LanguageModel> make_llama(const Weights& weights, const LlamaOptions& options);

}  // namespace reel::models
