// How the tensors of a LLaVA are named: by every version of transformers, and by the original code.
#pragma once

#include "models/files/checkpoint.h"

namespace reel::models {

/// Gives the tensors of a LLaVA one set of names, whatever their layout: `language_model.embed_tokens.weight`,
/// `language_model.layers.N...`, `language_model.norm.weight`, `lm_head.weight`, `multi_modal_projector.linear_K...`,
/// `vision_tower.embeddings...`, `vision_tower.encoder.layers.N...`. Layouts: transformers before 4.52, those since (with
/// the prefix `model.`), towers with and without the level `vision_model`, and the original code (`mm_projector`), with
/// or without its tower. Drops the buffers that old files hold (rotary_emb.inv_freq, position_ids). Unknown names stay.
/// Throws: std::runtime_error if there is no projector, the projectors of two layouts, or two tensors of one meaning.
void rename_llava(Checkpoint& checkpoint);

/// Whether a renamed checkpoint holds a vision tower: the original code leaves it out.
bool has_vision_tower(const Checkpoint& checkpoint);

/// Gives the tensors of a CLIPVisionModel, or of the picture half of a CLIPModel, the names of a LLaVA's tower. Drops the
/// text half.
void rename_clip_vision(Checkpoint& tower);

}  // namespace reel::models
