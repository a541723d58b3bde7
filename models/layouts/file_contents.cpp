#include "models/layouts/file_contents.h"

#include <initializer_list>
#include <string_view>

namespace reel::models {
namespace {

bool has_any(const std::string& name, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

FileContents contents_of(const std::vector<std::string>& names) {
  size_t lora = 0, motion_lora = 0, motion = 0, unet = 0, vae = 0, text = 0, embedding = 0, control = 0;
  for (const std::string& name : names) {
    const bool in_motion = has_any(name, {"motion_modules.", "motion_modules_"});
    if (has_any(name, {".lora_A", ".lora_B", ".lora_embedding_", ".lora_down.", ".lora_up.", ".lora_mid.",
                       ".lora.down.", ".lora.up.", "_lora.down.", "_lora.up.", ".lora_linear_layer.",
                       ".hada_w", ".lokr_w", ".lora_magnitude_vector", ".dora_scale"})) {
      ++lora;
      motion_lora += in_motion;
    } else if (in_motion) {
      ++motion;
    } else if (has_any(name, {"control_model.", "controlnet_", "zero_convs."})) {
      ++control;
    } else if (has_any(name, {"first_stage_model.", "encoder.down_blocks.", "decoder.up_blocks.",
                              "encoder.down.0.", "decoder.up.0."})) {
      ++vae;
    } else if (has_any(name, {"string_to_param", "emb_params"}) || name == "clip_l" || name == "clip_g" ||
               (name.size() > 2 && name.front() == '<' && name.back() == '>')) {
      ++embedding;
    } else if (has_any(name, {"down_blocks.", "up_blocks.", "input_blocks.", "output_blocks.",
                              "transformer_blocks."})) {
      ++unet;
    } else if (has_any(name,
                       {"text_model.", "encoder.layers.", "cond_stage_model.", "transformer.resblocks."})) {
      ++text;
    }
  }
  if (lora > 0) return motion_lora == lora ? FileContents::kMotionLora : FileContents::kLora;
  if (control > 0) return FileContents::kControlNet;
  if (unet > 0) return FileContents::kWholeModel;
  if (motion > 0) return FileContents::kMotionModule;
  if (vae > 0) return FileContents::kVae;
  if (text > 0) return FileContents::kTextEncoder;
  return embedding > 0 ? FileContents::kEmbedding : FileContents::kUnknown;
}

const char* name_of(FileContents contents) {
  switch (contents) {
    case FileContents::kLora:
      return "a LoRA";
    case FileContents::kMotionLora:
      return "a motion LoRA";
    case FileContents::kMotionModule:
      return "a motion module";
    case FileContents::kWholeModel:
      return "a whole checkpoint of a UNet, as training saves it";
    case FileContents::kEmbedding:
      return "an embedding (textual inversion)";
    case FileContents::kControlNet:
      return "a ControlNet";
    case FileContents::kTextEncoder:
      return "a text encoder";
    case FileContents::kVae:
      return "a VAE";
    case FileContents::kUnknown:
      break;
  }
  return "a file of other tensors";
}

const char* use_of(FileContents contents) {
  switch (contents) {
    case FileContents::kLora:
    case FileContents::kMotionLora:
      return "give it with --lora";
    case FileContents::kMotionModule:
      return "give it with --motion-adapter";
    case FileContents::kWholeModel:
    case FileContents::kTextEncoder:
    case FileContents::kVae:
      return "it belongs in a model's folder, which --model names";
    default:
      return "reel has no use for it";
  }
}

}  // namespace reel::models
