#include "models/unet/transformer.h"

#include "models/ops/channel_norm.h"

namespace reel::models {

using attention::SiteKind;

namespace {

/// Sinusoidal positions [frames, width]: sines at even, cosines at odd channels. Read from the file where it
/// has them, since a fine-tuned table may differ.
at::Tensor frame_positions(const Weights& weights, int64_t frames, int64_t width) {
  if (weights.has("pos_embed.pe"))
    return weights.place(weights.get("pos_embed.pe", {1, frames, width}).squeeze(0));
  const auto& options = weights.options();
  if (options.shapes_only)
    return weights.place(at::empty({frames, width}, at::TensorOptions(options.dtype).device(at::kMeta)));
  const at::Tensor position = at::arange(frames, at::kFloat).unsqueeze(1);
  const at::Tensor frequency =
      at::exp(at::arange(0, width, 2, at::kFloat) * (-std::log(10000.0) / double(width)));
  at::Tensor table = at::zeros({frames, width});
  const at::Tensor angles = position * frequency;
  table.slice(1, 0, width, 2).copy_(at::sin(angles));
  table.slice(1, 1, width, 2).copy_(at::cos(angles).narrow(1, 0, width / 2));
  return weights.place(table.to(options.dtype));
}

}  // namespace

Attention::Attention(const Weights& weights, SiteList& sites, SiteKind kind, int64_t width, int64_t heads,
                     int64_t inner, int64_t context, bool qkv_bias)
    : site_(sites.add(site_path(weights), kind, heads)), heads_(heads), inner_(inner) {
  if (heads < 1 || inner % heads != 0) {
    throw std::runtime_error("[" + site_path(weights) + "] " + std::to_string(inner) +
                             " channels do not divide into " + std::to_string(heads) +
                             " heads; check the head counts in config.json");
  }
  if (context == 0) {
    qkv_ = Linear::load_fused(weights, {"to_q", "to_k", "to_v"}, width, {inner, inner, inner}, qkv_bias);
  } else {
    query_ = Linear::load(weights.scope("to_q"), width, inner, qkv_bias);
    key_value_ = Linear::load_fused(weights, {"to_k", "to_v"}, context, {inner, inner}, qkv_bias);
  }
  out_ = Linear::load(weights.scope("to_out.0"), inner, width);
}

void Attention::add_to(const at::Tensor& residual, const at::Tensor& x, int64_t height, int64_t width,
                       const Pass& pass) const {
  const int64_t rows = x.size(0), frames = x.size(1), places = x.size(2), d = inner_ / heads_;
  const bool temporal = site_.kind == SiteKind::kTemporal;
  // [R, F, P, h d] -> [R, G, h, N, d], a view: sequences run over places, or along frames.
  const auto split = [&](const at::Tensor& t) {
    const at::Tensor heads = t.unflatten(-1, {heads_, d});
    return temporal ? heads.permute({0, 2, 3, 1, 4}) : heads.permute({0, 1, 3, 2, 4});
  };
  attention::Call call{.site = site_,
                       .step = pass.step,
                       .tokens = {0, frames, height, width},
                       .rows = pass.state.condition.rows};
  if (!temporal) call.tokens.frames = 1;
  if (qkv_.weight.defined()) {
    const at::Tensor qkv = qkv_(x);
    call.q = split(qkv.narrow(-1, 0, inner_));
    call.k = split(qkv.narrow(-1, inner_, inner_));
    call.v = split(qkv.narrow(-1, 2 * inner_, inner_));
  } else {
    const at::Tensor key_value = keys_and_values(pass.state);
    call.q = split(query_(x));
    call.k = split(key_value.narrow(-1, 0, inner_));
    call.v = split(key_value.narrow(-1, inner_, inner_));
  }
  call.hidden = temporal ? x.transpose(1, 2) : x;
  const at::Tensor out = pass.attend.attend(std::move(call));
  const at::Tensor merged = temporal ? out.permute({0, 3, 1, 2, 4}) : out.permute({0, 1, 3, 2, 4});
  out_.add_to(residual, merged.reshape({rows, frames, places, inner_}));
}

at::Tensor Attention::keys_and_values(UNetState& state) const {
  const at::Tensor& context = state.condition.context;
  if (context.dim() != 3) return key_value_(context);
  at::Tensor& kept = state.projected_text[site_.block];
  if (!kept.defined()) kept = key_value_(context.unsqueeze(1));
  return kept;
}

FeedForward::FeedForward(const Weights& weights, int64_t width)
    : in_(Linear::load(weights.scope("net.0.proj"), width, width * 8)),
      out_(Linear::load(weights.scope("net.2"), width * 4, width)) {}

void FeedForward::add_to(const at::Tensor& residual, const at::Tensor& x) const {
  // The middle is eight times as wide as x: a part of the positions at a time keeps it in a CPU's cache, if it
  // can.
  constexpr int64_t kPart = 2048, kCacheBytes = int64_t{8} << 20;
  const int64_t all = x.numel() / x.size(-1), positions = positions_of_row(x);
  if (all <= kPart || positions < kManyPositions || !in_.on_host(x) ||
      kPart * in_.weight.size(0) * static_cast<int64_t>(x.element_size()) > kCacheBytes) {
    out_.add_to(residual, geglu(in_(x)));
    return;
  }
  // Whole rows, or parts of one: products must not depend on the number of rows (docs/adr/0008-batch-law.md).
  const at::Tensor from = x.flatten(1, -2), to = residual.view(from.sizes());
  const int64_t rows = from.size(0), at_once = std::max<int64_t>(1, kPart / positions);
  for (int64_t r = 0; r < rows; r += at_once) {
    for (int64_t first = 0; first < positions; first += kPart) {
      const auto part = [&](const at::Tensor& t) {
        return t.narrow(0, r, std::min(at_once, rows - r))
            .narrow(1, first, std::min(kPart, positions - first));
      };
      out_.add_to(part(to), geglu(in_.apply(part(from).contiguous(), positions)), positions);
    }
  }
}

SpatialTransformer::SpatialTransformer(const Weights& weights, SiteList& sites, const Options& options)
    : norm_(GroupNorm::load(weights.scope("norm"), options.channels, options.norm_groups, 1e-6)) {
  const int64_t width = options.inner ? options.inner : options.channels;
  in_ = Linear::load_pointwise(weights.scope("proj_in"), options.channels, width);
  out_ = Linear::load_pointwise(weights.scope("proj_out"), width, options.channels);
  for (int64_t i = 0; i < options.layers; ++i) {
    const Weights block = weights.scope("transformer_blocks").scope(std::to_string(i));
    const SiteKind first = options.only_cross ? SiteKind::kCross : SiteKind::kSpatial;
    blocks_.push_back({LayerNorm::load(block.scope("norm1"), width),
                       LayerNorm::load(block.scope("norm2"), width),
                       LayerNorm::load(block.scope("norm3"), width),
                       Attention(block.scope("attn1"), sites, first, width, options.heads, width,
                                 options.only_cross ? options.context : 0),
                       Attention(block.scope("attn2"), sites, SiteKind::kCross, width, options.heads, width,
                                 options.context),
                       FeedForward(block.scope("ff"), width)});
  }
}

at::Tensor SpatialTransformer::operator()(const at::Tensor& x, const Pass& pass) const {
  const int64_t height = x.size(2), width = x.size(3);
  at::Tensor h = in_(norm_(x.flatten(0, 1)).view(x.sizes()).flatten(2, 3));  // [R, F, P, C]
  for (const Block& block : blocks_) {
    block.self.add_to(h, block.norm1(h), height, width, pass);
    block.cross.add_to(h, block.norm2(h), height, width, pass);
    block.feed_forward.add_to(h, block.norm3(h));
  }
  return out_(h).view(x.sizes()).add_(x);
}

TemporalTransformer::TemporalTransformer(const Weights& weights, SiteList& sites, const Options& options)
    : norm_(GroupNorm::load(weights.scope("norm"), options.channels, options.norm_groups, 1e-6)) {
  const int64_t width = options.inner ? options.inner : options.channels;
  in_ = Linear::load_pointwise(weights.scope("proj_in"), options.channels, width);
  out_ = Linear::load_pointwise(weights.scope("proj_out"), width, options.channels);
  for (int64_t i = 0; i < options.layers; ++i) {
    const Weights block = weights.scope("transformer_blocks").scope(std::to_string(i));
    const at::Tensor positions =
        options.max_frames > 0 ? frame_positions(block, options.max_frames, width) : at::Tensor();
    blocks_.push_back(
        {LayerNorm::load(block.scope("norm1"), width), LayerNorm::load(block.scope("norm2"), width),
         LayerNorm::load(block.scope("norm3"), width), positions,
         Attention(block.scope("attn1"), sites, SiteKind::kTemporal, width, options.heads, width),
         Attention(block.scope("attn2"), sites, SiteKind::kTemporal, width, options.heads, width),
         FeedForward(block.scope("ff"), width)});
  }
}

at::Tensor TemporalTransformer::operator()(const at::Tensor& x, const Pass& pass) const {
  const int64_t frames = x.size(1), height = x.size(2), width = x.size(3);
  // The norm runs over all frames of a row: frames and height are one dimension to it.
  at::Tensor h = in_(norm_(x.flatten(1, 2)).view(x.sizes()).flatten(2, 3));  // [R, F, P, C]
  for (const Block& block : blocks_) {
    if (block.positions.defined() && frames > block.positions.size(0)) {
      throw std::invalid_argument("[model] it knows positions for " +
                                  std::to_string(block.positions.size(0)) + " frames, got " +
                                  std::to_string(frames) + "; ask for fewer frames");
    }
    const auto placed = [&](const LayerNorm& norm) {  // in time
      return block.positions.defined() ? norm.plus(h, block.positions.narrow(0, 0, frames)) : norm(h);
    };
    block.first.add_to(h, placed(block.norm1), height, width, pass);
    block.second.add_to(h, placed(block.norm2), height, width, pass);
    block.feed_forward.add_to(h, block.norm3(h));
  }
  return out_(h).view(x.sizes()).add_(x);
}

}  // namespace reel::models
