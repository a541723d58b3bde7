// OpenCLIP's text tower in its own layout: the conditioner inside the original single-file checkpoints of
// VideoCrafter2 and Stable Diffusion 2 (ViT-H/14).
#pragma once

#include <memory>
#include <string>

#include "models/files/checkpoint.h"
#include "models/text_encoder.h"
#include "models/weights.h"

namespace reel::models {

/// Builds the text tower whose tensors begin with `prefix` ("cond_stage_model.model." in those files); other
/// tensors of the checkpoint are ignored. Sizes follow from the shapes of the tensors: heads are 64 wide, and
/// the activation is GELU. The last layer is left out, because these models are conditioned on the output of
/// the one before it (after the final norm); `clip_skip` counts from there. Texts are padded with id 0, as
/// open_clip does, to the length of the position table (or that of the tokenizer, if it states a smaller
/// one). `tokenizer_folder`: that of CLIP's tokenizer; empty: ids only. A patch in `options` sees the names
/// of transformers' CLIPTextModel, as in a diffusers folder of the same model.
/// open_clip also repairs text before it is tokenised (ftfy, HTML entities); this function does not.
/// Throws: std::runtime_error if there is no such tower, CheckpointError if it is not whole.
/// Source: mlfoundations/open_clip, src/open_clip/transformer.py (TextTransformer) and tokenizer.py.
std::unique_ptr<TextEncoder> load_open_clip_text(Checkpoint checkpoint, const std::string& prefix,
                                                 const std::string& tokenizer_folder,
                                                 const LoadOptions& options);

}  // namespace reel::models
