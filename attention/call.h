// The values that describe one attention call: where, when, on what tokens, with which tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>

namespace reel {

/// One step of the sampling loop; written by the loop only. Also tells the model and the edits when they are.
struct Step {
  int index = 0, count = 1;  // 0-based, of `count`
  double timestep = 0;       // what the network's time embedding is given
  double sigma = 0;          // noise level in the scheduler's own terms
  double input_scale = 1;    // what the latent is multiplied by before the network sees it
};

/// What one batch row means.
struct Row {
  bool conditional = true;  // false: the unconditional half of classifier-free guidance
  int segment = 0;          // prompt segment, for multi-prompt sampling
};

}  // namespace reel

namespace reel::attention {

/// kSpatial: within a frame; kTemporal: along frames at one place; kCross: to the text; kJoint: text and
/// video tokens together; kCausal: a language model's.
enum class SiteKind { kSpatial, kTemporal, kCross, kJoint, kCausal };

/// `spatial`, `temporal`, ...: the text form in selectors and reports.
std::string kind_name(SiteKind kind);

/// One attention layer of a model, fixed with it.
struct Site {
  std::string path;  // the module path, as diffusers names it, e.g.
                     // up_blocks.1.motion_modules.0.transformer_blocks.0.attn1
  SiteKind kind = SiteKind::kSpatial;
  int block = 0;  // order of execution within the model, 0-based
  int heads = 1;
  int level = -1;  // of a UNet: log2 of how much coarser its map is than the latent; -1: at no level
};

/// What the sequence means: `frames` x `height` x `width` visual tokens from `visual_begin` on. For temporal
/// sites the sequence runs along frames, and height x width is the size of the map it was cut from.
struct Tokens {
  int64_t visual_begin = 0, frames = 1, height = 1, width = 1;
};

/// One attention call. Tensors are views: q, k, v [R, G, heads, N, d], where R counts batch rows (rows[r]
/// says what row r means) and G the independent sequences within a row: frames for spatial sites, places
/// (height x width) for temporal ones, 1 for joint and causal ones. k and v may have G = 1 when all sequences
/// of a row share them (text). Rows are a dimension of their own so that edits need not know how sequences
/// were folded.
struct Call {
  const Site& site;
  const Step& step;
  Tokens tokens;
  std::span<const Row> rows;
  at::Tensor q, k, v;       // [R, G, heads, Nq, d], [R, G or 1, heads, Nk, d], before rotary embedding
  at::Tensor positions;     // [R, N, axes]; may be undefined
  at::Tensor bias;          // additive, broadcastable to [R, G, heads, Nq, Nk]; may be undefined
  at::Tensor hidden;        // [R, G, N, D], the residual stream entering the layer; may be undefined
  double scale = 0;         // multiplies q k^T; 0: 1 / sqrt(d)
  int64_t query_begin = 0;  // which of the sequence's queries is q's first, in a block of them
};

}  // namespace reel::attention
