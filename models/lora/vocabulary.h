// How trainers name the tensors of a LoRA file.
#pragma once

#include <optional>
#include <string>

namespace reel::models {

/// What a tensor of a LoRA file is to the layer that it belongs to.
enum class LoraPart {
  kDown,           // [rank, in, ...]: lora_A, lora.down, lora_down
  kUp,             // [out, rank]: lora_B, lora.up, lora_up
  kUpBias,         // [out]: peft's lora_bias
  kMid,            // [rank, rank, ...]: the kernel of a convolution between two of width 1
  kEmbeddingDown,  // [rank, entries] of a table of embeddings
  kEmbeddingUp,    // [width, rank]
  kMagnitude,      // of a DoRA, one for each output: peft's lora_magnitude_vector
  kDoraScale,      // of a DoRA, one for each output or each input: kohya's and LyCORIS' dora_scale
  kAlpha,
  kDiff,      // a whole change of the weight: diff, w_norm
  kDiffBias,  // of the bias: diff_b, b_norm
  kHada1A,    // LoHa: the product of two pairs, element by element
  kHada1B,
  kHada2A,
  kHada2B,
  kHada1Mid,
  kHada2Mid,
  kKron1,  // LoKr: a Kronecker product, either factor whole or as a pair
  kKron1A,
  kKron1B,
  kKron2,
  kKron2A,
  kKron2B,
  kKron2Mid,
};

/// Which component of a model a layer of a LoRA file belongs to.
enum class LoraTarget { kDenoiser, kTextEncoder, kSecondTextEncoder };

/// The name of a tensor, taken apart.
struct LoraKey {
  LoraTarget target = LoraTarget::kDenoiser;
  std::string module;   // as the file names the layer, the prefix included: for messages
  std::string path;     // without prefixes, such as "down_blocks.0.attentions.0.proj_in"
  std::string adapter;  // "" unless the name carries one, as in lora_A.default_0.weight
  LoraPart part = LoraPart::kDown;
};

/// Empty if the name is not that of a tensor that LoRA files have. Reads the names of peft and diffusers
/// (`unet.X.lora_A.weight`, `X.lora_A.ADAPTER.weight`, `X.lora.down.weight`, `X.processor.to_q_lora.down.weight`,
/// prefixes such as `base_model.model.` and `module.`) and of kohya and LyCORIS (`lora_unet_X.lora_down.weight`).
std::optional<LoraKey> parse_lora_key(const std::string& name);

/// The last part of a tensor's name, e.g. "lora_down": for messages.
const char* name_of(LoraPart part);

/// The name with underscores for dots, in which kohya's names and those of other trainers are alike, and
/// without `processor`, `text_model` and the like, which only some of them write.
std::string flat_layer_name(std::string path);

}  // namespace reel::models
