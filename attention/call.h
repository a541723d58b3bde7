// The values that describe one attention call: where, when, on what tokens, with which tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "attention/rotary.h"
#include "attention/visible.h"

namespace reel {

/// One step of the loop around the model: a denoising step, or a forward pass of a language model (0: the
/// pass that reads the prompt). The loop writes it; models and edits read it to know where in the run they
/// are.
struct Step {
  int index = 0, count = 1;  // 0-based, of `count`
  double timestep = 0;       // what the network's time embedding is given
  double sigma = 0;          // noise level in the scheduler's own terms
  double input_scale = 1;    // what the latent is multiplied by before the network sees it
};

/// A run of picture tokens: `count` tokens of a sequence from `begin` on, which belong to its picture `image`. They are
/// `count` - `height` * `width` tokens for the picture as a whole, followed by a grid of places in reading order.
struct ImageSpan {
  int64_t begin = 0, count = 0;
  int64_t height = 0, width = 0;
  int64_t image = 0;
};

/// One request for the length of a run: a prompt with its pictures, and what is generated for it. Key-value
/// caches and edits keep what they know of a request under its `id`.
struct Sequence {
  uint64_t id = 0;
  std::vector<ImageSpan>
      images;  // in tokens from the row's first key, padding included; a picture may have several
  int64_t prompt_tokens = 0;  // tokens of the prompt, pictures included, padding not
  int64_t padding = 0;        // padding tokens in front of the prompt
};

/// What one batch row means.
struct Row {
  bool conditional = true;             // false: the unconditional half of classifier-free guidance
  int segment = 0;                     // prompt segment, for multi-prompt sampling
  const Sequence* sequence = nullptr;  // of a language model: the request that the row belongs to
};

}  // namespace reel

namespace reel::attention {

class KeyValues;

/// kSpatial: within a frame; kTemporal: along frames at one place; kCross: to the text; kJoint: text and
/// video tokens together; kCausal: a language model's; kText: within a text encoder; kAutoencoder: within
/// the picture of a VAE; kVision: within the picture of a captioner's vision tower.
enum class SiteKind { kSpatial, kTemporal, kCross, kJoint, kCausal, kText, kAutoencoder, kVision };

/// `spatial`, `temporal`, ...: the text form in selectors and reports.
std::string kind_name(SiteKind kind);

/// One attention layer of a model, fixed with it.
struct Site {
  std::string path;  // the module path under its diffusers or transformers name, e.g. mid_block.attentions.0
  SiteKind kind = SiteKind::kSpatial;
  int block = 0;     // order of execution within the model, 0-based: the number by which it is looked up
  int heads = 1;     // query heads
  int level = -1;    // of a UNet: log2 of how much coarser its map is than the latent; -1: at no level
  int kv_heads = 0;  // key and value heads, a divisor of `heads`; 0: as many as query heads

  /// Query head h reads key head h / (heads / key_heads()).
  int key_heads() const { return kv_heads > 0 ? kv_heads : heads; }
};

/// What the sequence means: `frames` x `height` x `width` visual tokens from `visual_begin` on. For temporal
/// sites the sequence runs along frames, and height x width is the size of the map it was cut from.
struct Tokens {
  int64_t visual_begin = 0, frames = 1, height = 1, width = 1;
};

/// One attention call. Tensors are views: q [R, G, heads, Nq, d], k and v [R, G or 1, key heads, Nk, d]. R
/// counts batch rows (rows[r] says what row r means), G the independent sequences (groups) within a row:
/// frames for spatial sites, places (height x width) for temporal ones, 1 for joint and causal ones. k and v
/// have G = 1 if all sequences of a row share them (text). Rows are a dimension of their own so that edits
/// need not know how sequences were folded.
struct Call {
  const Site& site;
  const Step& step;
  Tokens tokens;
  std::span<const Row> rows;
  std::span<const int64_t> heads = {};  // which of the site's query heads q holds, ascending; empty: all
  at::Tensor q, k, v;

  // Rotary embedding, which the processor applies after `on_inputs`: to q if `positions` is defined, to k if
  // `key_positions` is. A model sets `rotary` and `positions`; keys then take the same positions. Keys that
  // come from a cache are rotated already, so that key_positions is undefined then.
  const Rotary* rotary = nullptr;
  at::Tensor positions, key_positions;  // [R or 1, G or 1, heads or 1, N, axes] f32 or f64
  /// The angles at `positions`, if the model took them once for all layers. Whoever replaces positions need not heed them.
  const RotaryAngles* angles = nullptr;

  KeyValues* cache = nullptr;  // k and v are appended to it, and all that it holds is attended to
  Visible visible;             // which keys each query sees
  at::Tensor bias;    // dense, added to the logits, broadcastable to [R, G, heads, Nq, Nk]; mostly undefined
  at::Tensor hidden;  // [R, G, N, D], the residual stream entering the layer; may be undefined

  /// Multiplies q k^T. Not a number: 1 / sqrt(d). Edits always find the number itself.
  double scale = std::numeric_limits<double>::quiet_NaN();
  bool wants_lse = false;   // whether the caller needs Partial::lse
  int64_t query_begin = 0;  // which of the sequence's queries is q's first, in a block of them
};

/// What multiplies q k^T: the call's own scale, or 1 / sqrt(d).
double scale_of(const Call& call);

/// `x`, q or k of the call, turned to `positions`, which are the call's own or its keys'.
at::Tensor turned_to(const Call& call, const at::Tensor& x, const at::Tensor& positions);

/// The call with q and k turned to their positions, and no rotary left to apply.
Call with_rotary(Call call);

/// Query heads for each key head of the call's tensors: 1 unless keys are shared by heads (GQA, MQA).
inline int64_t heads_per_key(const Call& call) { return call.q.size(2) / call.k.size(2); }

}  // namespace reel::attention
