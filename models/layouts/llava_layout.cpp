#include "models/layouts/llava_layout.h"

#include <string_view>

#include "models/layouts/name_parts.h"

namespace reel::models {
namespace {

constexpr std::string_view kTower = "vision_tower.", kProjector = "multi_modal_projector.",
                           kText = "language_model.";

std::string joined(std::string_view a, std::string_view b) { return std::string(a).append(b); }

/// Buffers that are computed anew.
bool is_buffer(std::string_view name) {
  return name.ends_with(".rotary_emb.inv_freq") || name.ends_with("embeddings.position_ids");
}

std::string transformers_name(std::string_view name) {
  std::string_view rest = name;
  take(rest, "model.");
  if (take(rest, kTower)) {
    take(rest, "vision_model.");
    return joined(kTower, rest);
  }
  if (take(rest, kText)) {
    if (rest.starts_with("lm_head.")) return std::string(rest);
    take(rest, "model.");
    return joined(kText, rest);
  }
  if (rest.starts_with(kProjector)) return std::string(rest);
  return std::string(name);
}

std::string original_name(std::string_view name) {
  std::string_view rest = name;
  if (!take(rest, "model.")) return std::string(name);
  if (take(rest, "mm_projector.")) {
    std::string_view inside = rest;
    const int64_t index = take_index(inside);  // of a layer in a sequence, whose odd ones are activations
    if (index < 0) return joined("multi_modal_projector.linear_1.", rest);
    if (index % 2 != 0) return std::string(name);
    return joined(joined(kProjector, "linear_" + std::to_string(index / 2 + 1) + "."), inside);
  }
  if (take(rest, "vision_tower.")) {
    take(rest, "vision_tower."), take(rest, "vision_model.");
    return joined(kTower, rest);
  }
  return joined(kText, rest);
}

}  // namespace

void rename_llava(Checkpoint& checkpoint) {
  bool transformers = false, original = false;
  for (const std::string& name : checkpoint.names()) {
    transformers |= name.find("multi_modal_projector.") != std::string::npos;
    original |= name.find("mm_projector.") != std::string::npos;
  }
  if (transformers == original) {
    throw std::runtime_error(
        "[" + checkpoint.path + "] must hold the projector of a LLaVA, as multi_modal_projector... or " +
        "mm_projector..., got " + (original ? "both" : "neither") + "; is it another kind of checkpoint?");
  }
  checkpoint.rename([original](const std::string& name) {
    if (is_buffer(name)) return std::string();
    return original ? original_name(name) : transformers_name(name);
  });
}

bool has_vision_tower(const Checkpoint& checkpoint) {
  return checkpoint.has("vision_tower.embeddings.class_embedding");
}

void rename_clip_vision(Checkpoint& tower) {
  tower.rename([](const std::string& name) -> std::string {
    for (const char* other : {"text_model.", "text_projection.", "visual_projection.", "logit_scale"}) {
      if (name.starts_with(other)) return "";
    }
    if (is_buffer(name)) return "";
    std::string_view rest = name;
    take(rest, "vision_model.");
    return joined(kTower, rest);
  });
}

}  // namespace reel::models
