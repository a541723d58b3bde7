// What a network will take, before any weight is read: it is built and run once on tensors without data, whose sizes
// are counted.
#pragma once

#include "models/family.h"

namespace reel::models {

/// Tensors of at least so many bytes go back to the system when they are freed; the memory of smaller ones stays with
/// the process and is used again (app/main.cpp sets the C library so).
constexpr int64_t kReturnedBlock = int64_t{32} << 20;

/// What a network takes. All but `flops` in bytes.
struct Plan {
  int64_t weights = 0;  // tensors that it keeps
  int64_t activations =
      0;  // tensors that a call holds at its peak: the output and what lies between, without inputs
  int64_t output = 0;
  /// Of activations on a host, as the process holds them: the peak of tensors below kReturnedBlock, which is kept,
  /// and that of the larger ones.
  int64_t kept = 0, returned = 0;
  double flops = 0;  // of a call: products of matrices and convolutions, two for each multiply-add
  std::vector<int64_t> output_shape;  // of the call's result
};

/// The plans of components, by their families. `options`: device (whose course of computation is followed; it
/// need not be there) and dtype. Kernels' scratch memory is not counted. Throws: as the family's maker, and as the
/// network does for such inputs.
/// One encoding of `rows` texts.
Plan plan_text_encoder(const FamilyEntry& family, const ComponentFiles& files, LoadOptions options,
                       int64_t rows);

/// One prediction, with what its run keeps for all steps. latent: [R, C, F, h, w]; context: [R, L, D] or
/// [R, F, L, D]; facts: Conditioning::facts.
Plan plan_denoiser(const FamilyEntry& family, const ComponentFiles& files, LoadOptions options,
                   at::IntArrayRef latent, at::IntArrayRef context,
                   const std::map<std::string, double>& facts = {});

/// Decoding of latents [B, C, F, h, w]; tile: side of a tile in pixels, 0: none. As many frames at once as
/// frames_at_once says.
Plan plan_vae(const FamilyEntry& family, const ComponentFiles& files, LoadOptions options,
              at::IntArrayRef latent, int64_t tile = 0);

/// What a captioner is asked for at once.
struct CaptionSize {
  int64_t rows = 1, pictures = 1;  // prompts; pictures in each
  PictureSize picture;             // as its processor prepares them
  int64_t words = 64;              // tokens of each prompt beside those of its pictures
  int64_t answer = 128;            // tokens of each answer
};

/// Captions from pictures to last tokens, with the caches: the features of all pictures, the prompts together, and the
/// answers. Rows of an answer are counted as if its tokens were read at once, which takes no more than the prompt.
Plan plan_captioner(const FamilyEntry& family, const ComponentFiles& files, LoadOptions options,
                    const CaptionSize& size);

}  // namespace reel::models
