// `broadway`: Temporal Self-Guidance and Fourier Motion Enhancement. Temporal maps of later decoder blocks
// are drawn to those of the first, then their high frequencies are raised: fewer broken shapes, and more
// motion.
#include "attention/band_filter.h"
#include "attention/edit.h"

namespace reel::attention {
namespace {

/// Mean over sequences, heads and queries of a map's squared rows: [R, G, heads, F, F] -> [R], f64.
at::Tensor energy(const at::Tensor& map) {
  return map.square().sum({1, 2, 3, 4}, /*keepdim=*/false, at::kDouble) /
         double(map.size(1) * map.size(2) * map.size(3));
}

/// With A the map and A1 that of the corresponding attention of the first edited block:
///   A~ = A + alpha (up(A1) - A),   A' = A~ + (beta' - 1) A~ P,
/// where P keeps a row's high frequencies and beta' = max(beta, sqrt((E(A) - E(A~ - A~ P)) / E(A~ P))) is
/// what restores at least the energy E that the first step took. One beta' per sample, measured on
/// conditional rows and used for both halves of guidance; rows of A' sum to one and may have negative
/// entries.
class BroadWay : public Edit {
 public:
  struct Options {
    double alpha = 0.6, beta = 1.5;
    int64_t tau = -1;
    std::string steps = "0-20%", anchor = "raw", interpolation = "nearest";
    bool pooled = false;
  };
  explicit BroadWay(Options options) : options_(std::move(options)) {}

  Hooks hooks() const override {
    const bool neutral = options_.alpha == 0 && options_.beta <= 1;
    return {.probs = !neutral, .whole_map = !neutral};
  }

  void begin_step(const Step&) override { anchors_.clear(), gains_.clear(); }
  void finish() override { anchors_.clear(), gains_.clear(); }

  void on_probs(const Call& call, at::Tensor& probs) override {
    const int64_t frames = probs.size(-1);
    if (frames == 1) return;
    if (call.bias.defined()) {
      throw std::invalid_argument("[broadway] " + call.site.path +
                                  " masks keys, and raising frequencies would reach the masked ones; leave "
                                  "the site out with layer=");
    }
    const std::string block = block_of(call.site.path), place = call.site.path.substr(block.size());
    if (first_block_.empty()) first_block_ = block;
    const bool first = block == first_block_;
    if (first && options_.anchor == "raw") keep(place, call, probs);
    const at::Tensor before = energy(probs);
    if (!first) guide(place, call, probs);
    const at::Tensor high = at::matmul(probs, filter(frames, probs.device()));
    const at::Tensor gain = gains(call, before, energy(probs), energy(high));
    probs.add_(high.mul_((gain - 1).to(high.scalar_type()).view({-1, 1, 1, 1, 1})));
    if (first && options_.anchor == "after") keep(place, call, probs);
  }

  EditFacts facts() const override {
    EditFacts facts = {{"anchor_bytes", double(most_bytes_)}};
    if (!measured_.empty()) {
      const at::Tensor gains = at::cat(measured_);
      facts["mean_gain"] = gains.mean().item<double>(), facts["largest_gain"] = gains.max().item<double>();
    }
    return facts;
  }

 private:
  struct Anchor {
    at::Tensor map;  // [R, G, heads, F, F] f32
    int64_t height, width;
  };

  /// `up_blocks.1` of `up_blocks.1.motion_modules.0...`: what stands before the second dot.
  static std::string block_of(const std::string& path) {
    return path.substr(0, path.find('.', path.find('.') + 1));
  }

  void keep(const std::string& place, const Call& call, const at::Tensor& probs) {
    anchors_[place] = {probs.clone(), call.tokens.height, call.tokens.width};
    int64_t bytes = 0;
    for (const auto& [name, anchor] : anchors_) bytes += static_cast<int64_t>(anchor.map.nbytes());
    most_bytes_ = std::max(most_bytes_, bytes);
  }

  /// probs + alpha (anchor - probs), in place. A block with more attentions than the first leaves the rest.
  void guide(const std::string& place, const Call& call, at::Tensor& probs) {
    const auto found = anchors_.find(place);
    if (options_.alpha == 0 || found == anchors_.end() || found->second.map.size(0) != probs.size(0)) return;
    const Anchor& anchor = found->second;
    const int64_t rows = probs.size(0), heads = probs.size(2), own = anchor.map.size(2), f = probs.size(-1);
    // A head stands for as many of the anchor's heads as there are to each.
    at::Tensor map = own % heads == 0 ? anchor.map.unflatten(2, {heads, own / heads}).mean(3)
                                      : anchor.map.mean(2, /*keepdim=*/true).expand({-1, -1, heads, -1, -1});
    if (anchor.height != call.tokens.height || anchor.width != call.tokens.width) {
      const at::Tensor planes =
          map.permute({0, 2, 3, 4, 1}).reshape({rows, heads * f * f, anchor.height, anchor.width});
      const std::vector<int64_t> size = {call.tokens.height, call.tokens.width};
      const at::Tensor larger = options_.interpolation == "nearest"
                                    ? at::upsample_nearest2d(planes, size)
                                    : at::upsample_bilinear2d(planes, size, /*align_corners=*/false);
      map = larger.view({rows, heads, f, f, -1}).permute({0, 4, 1, 2, 3});
    }
    probs.lerp_(map, options_.alpha);
  }

  /// The factor of the high band for each row of the call, [R] f64.
  at::Tensor gains(const Call& call, const at::Tensor& before, const at::Tensor& guided,
                   const at::Tensor& high) {
    std::vector<int64_t> conditional, others;
    for (size_t r = 0; r < call.rows.size(); ++r)
      (call.rows[r].conditional ? conditional : others).push_back(int64_t(r));
    if (conditional.empty()) {
      // The unconditional half in a pass of its own, behind the conditional one of the same step.
      const auto known = gains_.find(call.site.path);
      if (known != gains_.end() && known->second.size(0) == before.size(0)) return known->second;
      conditional.swap(others);
    }
    const at::Tensor index = at::tensor(conditional, at::TensorOptions(at::kLong).device(before.device()));
    const auto pick = [&](const at::Tensor& t) {
      const at::Tensor picked = t.index_select(0, index);
      return options_.pooled ? picked.mean(0, /*keepdim=*/true).expand_as(picked) : picked;
    };
    const at::Tensor band = pick(high), low = pick(guided) - band;
    // A map without high frequencies (an even one) has nothing to raise.
    const at::Tensor adaptive = ((pick(before) - low).clamp_min(0) / band.clamp_min(1e-30)).sqrt();
    const at::Tensor chosen = at::where(band < 1e-8, at::ones_like(band), adaptive.clamp_min(options_.beta));
    gains_[call.site.path] = chosen;
    measured_.push_back(chosen);
    at::Tensor all = at::empty_like(before);
    all.index_copy_(0, index, chosen);
    if (!others.empty()) {
      const at::Tensor other = at::tensor(others, index.options());
      const bool paired = others.size() == conditional.size();
      all.index_copy_(0, other, paired ? chosen : chosen.mean(0, true).expand({int64_t(others.size())}));
    }
    return all;
  }

  at::Tensor filter(int64_t frames, at::Device device) {
    at::Tensor& kept = filters_[frames];
    if (!kept.defined()) {
      const int64_t tau = options_.tau < 0 ? std::min<int64_t>(7, frames / 2 - 1) : options_.tau;
      kept = high_band(frames, tau).to(at::kFloat).to(device);
    }
    return kept;
  }

  Options options_;
  std::string first_block_;
  std::map<std::string, Anchor> anchors_;    // by path behind the block, of the present forward pass
  std::map<std::string, at::Tensor> gains_;  // by path, of the present step's conditional rows
  std::map<int64_t, at::Tensor> filters_;    // by frames
  std::vector<at::Tensor> measured_;         // all gains so far; read when asked, so that no layer waits
  int64_t most_bytes_ = 0;
};

}  // namespace

void register_broadway(EditRegistry& registry) {
  auto broadway =
      registry.add<BroadWay>("broadway", "BroadWay",
                             "Steadier shapes and more motion: guides temporal maps and raises their energy.",
                             "Bu et al., ByTheWay (BroadWay), CVPR 2025 (2410.06241)");
  using Options = BroadWay::Options;
  broadway.param("alpha", &Options::alpha,
                 "how far later blocks' maps are drawn to the first's; too much makes videos still",
                 Range{0.0, 1.0});
  broadway.param("beta", &Options::beta,
                 "least factor of the high temporal frequencies; too much makes motion jerk",
                 Range{0.0, 100.0});
  broadway.param("tau", &Options::tau,
                 "half width of the band that is raised; auto (-1): 7, or all that fits", Range{-1, 1024});
  broadway.param("anchor", &Options::anchor, "the first block's map before or after its own change", {},
                 {"raw", "after"});
  broadway.param("interpolation", &Options::interpolation, "how the first block's map is enlarged", {},
                 {"nearest", "bilinear"});
  broadway.param("pooled", &Options::pooled, "one factor for all samples of a batch instead of one for each");
  broadway.steps(&Options::steps).word("tau", "auto", -1).alias("bytheway");
  broadway.where("kind=temporal layer=up_blocks.[!0].*");
  broadway.preset("animatediff", {{"alpha", 0.6}, {"beta", 1.5}});
  broadway.preset("videocrafter2", {{"alpha", 0.1}, {"beta", 10.0}});
}

}  // namespace reel::attention
