#include "models/text/open_clip_tower.h"

#include <regex>

#include "models/text/clip_text_model.h"
#include "models/text/tokenizer.h"

namespace reel::models {
namespace {

constexpr int64_t kHeadWidth = 64;

/// The number of the layer that a name belongs to, and the rest of the name; -1 if it belongs to none.
std::pair<int64_t, std::string> layer_of(const std::string& name) {
  static const std::regex kLayer(R"(^transformer\.resblocks\.(\d{1,3})\.(.*))");
  std::smatch part;
  if (!std::regex_match(name, part, kLayer)) return {-1, name};
  return {std::stoi(part[1]), part[2]};
}

/// The name of a tensor in a CLIPTextModel; "" if that has no such tensor; unchanged for unknown names.
std::string transformers_name(const std::string& name, int64_t layers) {
  static const std::pair<const char*, const char*> kOutside[] = {
      {"token_embedding.", "embeddings.token_embedding."},
      {"positional_embedding", "embeddings.position_embedding.weight"},
      {"ln_final.", "final_layer_norm."},
      // The head of the contrastive model, and a buffer: every token sees those before it.
      {"text_projection", ""},
      {"logit_scale", ""},
      {"logit_bias", ""},
      {"attn_mask", ""}};
  static const std::pair<const char*, const char*> kInLayer[] = {{"ln_1.", "layer_norm1."},
                                                                 {"ln_2.", "layer_norm2."},
                                                                 {"attn.", "self_attn."},
                                                                 {"mlp.c_fc.", "mlp.fc1."},
                                                                 {"mlp.c_proj.", "mlp.fc2."}};
  const auto [layer, inside] = layer_of(name);
  if (layer < 0) {
    for (const auto& [from, to] : kOutside) {
      if (name.starts_with(from)) return *to ? to + name.substr(std::strlen(from)) : "";
    }
    return name;
  }
  if (layer == layers) return "";  // behind the last one that is used
  for (const auto& [from, to] : kInLayer) {
    if (inside.starts_with(from)) {
      return "encoder.layers." + std::to_string(layer) + "." + to + inside.substr(std::strlen(from));
    }
  }
  return name;
}

/// The configuration of a CLIPTextModel with these tensors, its last layer left out.
Config config_of(const Checkpoint& tower, const std::string& prefix) {
  const auto shape = [&](const std::string& name) {
    if (!tower.has(name) || tower.info(name).shape.size() != 2) {
      throw std::runtime_error("[" + tower.path + "] holds no text tower of OpenCLIP: '" + prefix + name +
                               "' must be a matrix; is it another kind of checkpoint?");
    }
    return tower.info(name).shape;
  };
  const std::vector<int64_t> tokens = shape("token_embedding.weight"),
                             positions = shape("positional_embedding"),
                             up = shape("transformer.resblocks.0.mlp.c_fc.weight");
  int64_t layers = 0;
  for (const std::string& name : tower.names()) layers = std::max(layers, layer_of(name).first);
  const int64_t width = tokens[1];
  if (width < kHeadWidth || width % kHeadWidth != 0 || layers < 1) {
    throw std::runtime_error("[" + tower.path + "] '" + prefix +
                             "' must be a text tower of two layers or more, "
                             "its width a multiple of 64, got " +
                             std::to_string(layers + 1) + " of width " + std::to_string(width) +
                             "; is it another kind of checkpoint?");
  }
  const auto field = [](const char* name, int64_t value) {
    return std::string("\"") + name + "\": " + std::to_string(value) + ", ";
  };
  return Config::parse("{" + field("hidden_size", width) + field("num_attention_heads", width / kHeadWidth) +
                           field("intermediate_size", up[0]) + field("num_hidden_layers", layers) +
                           field("vocab_size", tokens[0]) + field("max_position_embeddings", positions[0]) +
                           "\"hidden_act\": \"gelu\"}",
                       tower.path);
}

}  // namespace

std::unique_ptr<TextEncoder> load_open_clip_text(Checkpoint checkpoint, const std::string& prefix,
                                                 const std::string& tokenizer_folder,
                                                 const LoadOptions& options) {
  std::shared_ptr<const Tokenizer> tokenizer;
  if (!tokenizer_folder.empty()) tokenizer = Tokenizer::open(tokenizer_folder);
  checkpoint.rename([&](const std::string& name) {
    return name.starts_with(prefix) ? name.substr(prefix.size()) : std::string();
  });
  const Config config = config_of(checkpoint, prefix);
  const int64_t layers = config.integer("num_hidden_layers", 0);
  checkpoint.rename([&](const std::string& name) { return transformers_name(name, layers); });
  for (int64_t i = 0; i < layers; ++i) {
    const std::string scope = "encoder.layers." + std::to_string(i) + ".self_attn.";
    for (const std::string kind : {"weight", "bias"}) {
      const std::string fused = scope + "in_proj_" + kind;
      if (!checkpoint.has(fused)) continue;  // the check of the weights will say which parts are missing
      checkpoint.split_rows(fused,
                            {scope + "q_proj." + kind, scope + "k_proj." + kind, scope + "v_proj." + kind});
    }
  }
  return build_checked(checkpoint, options, [&](const Weights& weights) {
    return make_clip_text(weights, config, tokenizer, /*pad_id=*/0);
  });
}

}  // namespace reel::models
