// `broadway`: Temporal Self-Guidance and Fourier Motion Enhancement. Temporal maps of later decoder blocks
// are drawn to those of the first, then their high frequencies are raised: fewer broken shapes, and more
// motion.
#include "attention/edits/support/band_filter.h"
#include "attention/edits/support/place_resampling.h"
#include "attention/frame_map_form.h"
#include "attention/ops/frame/frame_map_energy.h"
#include "attention/plugin/edit_registry.h"

namespace reel::attention {
namespace {

/// With A the map and A1 that of the corresponding attention of the first edited block:
///   A~ = A + alpha (up(A1) - A),   A' = A~ + (beta' - 1) A~ P,
/// where P keeps a row's high frequencies and beta' = max(beta, sqrt((E(A) - E(A~ - A~ P)) / E(A~ P))) is
/// what restores at least the energy E that the first step took. One beta' per sample, measured on
/// conditional rows and used for both halves of guidance; rows of A' sum to one and may have negative
/// entries.
class BroadWay : public Edit, private FrameMapForm {
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
    return {.probs = !neutral, .whole_map = !neutral, .relates_rows = true, .relates_heads = true};
  }

  void begin_step(const Step&) override { anchors_.clear(), gains_.clear(); }
  void finish() override { anchors_.clear(), gains_.clear(); }

  void on_probs(const Call& call, at::Tensor& probs) override {
    const int64_t frames = probs.size(-1);
    if (frames == 1) return;
    if (call.bias.defined() || !call.visible.all()) {
      throw std::invalid_argument("[broadway] " + call.site.path +
                                  " masks keys, and raising frequencies would reach the masked ones; leave "
                                  "the site out with layer=");
    }
    const bool first = in_first_block(call.site);
    if (first && options_.anchor == "raw") keep(call, probs.clone());
    const RowPlan& rows = plan_of(call);
    const auto measured = [&rows](const at::Tensor& maps) {
      return map_energy(maps.narrow(0, rows.first, rows.count));
    };
    FrameMapEnergy energies;
    energies.before = measured(probs);
    FrameMapEdit edit = filter(frames, probs.device());
    if (!first && draw_to_anchor(call, edit)) probs.copy_(guided_maps(probs, edit));
    const at::Tensor high = high_frequencies(probs, edit);
    energies.guided = measured(probs), energies.high = measured(high);
    probs.add_(high * (gains(call, energies) - 1).view({-1, 1, 1, 1, 1}));
    if (first && options_.anchor == "after") keep(call, probs.clone());
  }

  FrameMapForm* frame_form() override { return this; }

  EditFacts facts() const override {
    EditFacts facts = {{"anchor_bytes", double(most_bytes_)}};
    if (!measured_.empty()) {
      const at::Tensor gains = at::cat(measured_).cpu();
      facts["mean_gain"] = gains.mean().item<double>(), facts["largest_gain"] = gains.max().item<double>();
    }
    return facts;
  }

 private:
  /// The same in two passes over queries and keys, since the gain needs the energies of all maps.
  void fill(const Call& call, FrameMapEdit& edit) override {
    const int64_t frames = call.q.size(3);
    if (frames == 1) return;
    const bool first = in_first_block(call.site);
    edit.high = filter(frames, call.q.device()).high;
    if (!first) draw_to_anchor(call, edit);
    // Only rows that are measured, and all of the first block, whose maps are kept, need the first pass.
    const RowPlan& rows = plan_of(call);
    FrameMapEnergy energies;
    if (first) {
      energies = frame_map_energy(call.q, call.k, scale_of(call), edit, /*keep_maps=*/true);
      for (at::Tensor* t : {&energies.before, &energies.guided, &energies.high})
        *t = t->narrow(0, rows.first, rows.count);
    } else if (!known_gains(call)) {
      energies =
          frame_map_energy(call.q.narrow(0, rows.first, rows.count), call.k.narrow(0, rows.first, rows.count),
                           scale_of(call), edit.rows(rows.first, rows.count));
    }
    edit.gain = gains(call, energies);
    if (!first) return;
    if (options_.anchor == "after") {
      energies.maps = energies.maps + high_frequencies(energies.maps.to(at::kFloat), edit) *
                                          (edit.gain - 1).view({-1, 1, 1, 1, 1});
    }
    keep(call, energies.maps);
  }

  struct Anchor {
    at::Tensor maps;  // [R, G, heads, F, F] f32 or f16
    int64_t height, width;
  };

  /// `up_blocks.1` of `up_blocks.1.motion_modules.0...`: what stands before the second dot.
  static std::string block_of(const Site& site) {
    return site.path.substr(0, site.path.find('.', site.path.find('.') + 1));
  }
  static std::string place_of(const Site& site) { return site.path.substr(block_of(site).size()); }

  /// The first block that is met is the one that guides the others.
  bool in_first_block(const Site& site) {
    if (first_block_.empty()) first_block_ = block_of(site);
    return block_of(site) == first_block_;
  }

  void keep(const Call& call, at::Tensor maps) {
    anchors_[place_of(call.site)] = {std::move(maps), call.tokens.height, call.tokens.width};
    int64_t bytes = 0;
    for (const auto& [name, anchor] : anchors_) bytes += static_cast<int64_t>(anchor.maps.nbytes());
    most_bytes_ = std::max(most_bytes_, bytes);
  }

  /// Draws the maps of a call to those of the corresponding attention of the first block, if there is one: a
  /// block with more attentions than the first leaves the rest.
  bool draw_to_anchor(const Call& call, FrameMapEdit& edit) {
    const auto found = anchors_.find(place_of(call.site));
    if (options_.alpha == 0 || found == anchors_.end() || found->second.maps.size(0) != call.q.size(0))
      return false;
    const Anchor& anchor = found->second;
    const int64_t heads = call.q.size(2), own = anchor.maps.size(2);
    // A head stands for as many of the anchor's heads as there are to each.
    edit.anchor = own == heads       ? anchor.maps
                  : own % heads == 0 ? anchor.maps.unflatten(2, {heads, own / heads}).mean(3)
                                     : anchor.maps.mean(2, /*keepdim=*/true).expand({-1, -1, heads, -1, -1});
    edit.alpha = options_.alpha;
    const PlaceResampling& resampling = resample(anchor, call);
    edit.places = resampling.places, edit.weights = resampling.weights;
    return true;
  }

  /// Which places of the anchor each place of the call is made of.
  const PlaceResampling& resample(const Anchor& anchor, const Call& call) {
    const int64_t height = call.tokens.height, width = call.tokens.width;
    PlaceResampling& kept = resamplings_[{anchor.height, anchor.width, height, width}];
    if (!kept.places.defined()) {
      kept = resample_places(anchor.height, anchor.width, height, width, options_.interpolation);
      kept.places = kept.places.to(call.q.device()), kept.weights = kept.weights.to(call.q.device());
    }
    return kept;
  }

  /// Whose energies are measured, and whose gains count for which rows of a call.
  struct RowPlan {
    bool any_conditional = true;
    int64_t first = 0, count = 0;  // from the first conditional row to the last; all rows if there are none
    at::Tensor
        shares;  // [R, count] f32: the gain of a row is this mean of the measured ones; undefined: its own
    at::Tensor pool;  // [count] f64: how much each measured row weighs among the samples of a batch
  };
  const RowPlan& plan_of(const Call& call) {
    std::vector<bool> pattern;
    for (const Row& row : call.rows) pattern.push_back(row.conditional);
    RowPlan& plan = row_plans_[pattern];
    if (plan.count > 0) return plan;
    std::vector<int64_t> conditional, others;
    for (size_t r = 0; r < pattern.size(); ++r) (pattern[r] ? conditional : others).push_back(int64_t(r));
    plan.any_conditional = !conditional.empty();
    if (!plan.any_conditional) conditional.swap(others);
    plan.first = conditional.front(), plan.count = conditional.back() - conditional.front() + 1;
    at::Tensor shares = at::zeros({int64_t(pattern.size()), plan.count}),
               pool = at::zeros({plan.count}, at::kDouble);
    for (size_t i = 0; i < conditional.size(); ++i) {
      const int64_t column = conditional[i] - plan.first;
      shares[conditional[i]][column] = 1;
      pool[column] = 1.0 / double(conditional.size());
      // Halves of equal size belong together; a single unconditional row of several prompts takes their mean.
      if (others.size() == conditional.size()) shares[others[i]][column] = 1;
    }
    if (others.size() != conditional.size()) {
      for (const int64_t r : others) shares[r].copy_(pool);
    }
    if (!others.empty()) plan.shares = shares.to(call.q.device());
    plan.pool = pool.to(call.q.device());
    return plan;
  }

  /// The gains of the conditional pass of the same step, for an unconditional one behind it.
  const at::Tensor* known_gains(const Call& call) {
    if (plan_of(call).any_conditional) return nullptr;
    const auto known = gains_.find(call.site.path);
    return known != gains_.end() && known->second.size(0) == call.q.size(0) ? &known->second : nullptr;
  }

  /// The factor of the high band for each row of the call, [R] f32, from the energies of the measured ones.
  at::Tensor gains(const Call& call, const FrameMapEnergy& energies) {
    if (const at::Tensor* known = known_gains(call)) return *known;
    const RowPlan& rows = plan_of(call);
    const auto pooled = [&](const at::Tensor& t) {
      return options_.pooled ? (t * rows.pool).sum(0, /*keepdim=*/true).expand_as(t) : t;
    };
    const at::Tensor chosen =
        energy_gain(pooled(energies.before), pooled(energies.guided), pooled(energies.high), options_.beta);
    gains_[call.site.path] = chosen;
    measured_.push_back(chosen);
    if (!rows.shares.defined()) return chosen;
    const at::Tensor parts = rows.shares * chosen;
    // The usual single column needs no sum, whose kernels would take 20 MB of the host's memory.
    return rows.count == 1 ? parts.flatten() : parts.sum(1);
  }

  /// Only `high`: which frequencies are raised.
  FrameMapEdit filter(int64_t frames, at::Device device) {
    const int64_t most = frames / 2 - 1, tau = options_.tau < 0 ? std::min<int64_t>(7, most) : options_.tau;
    FrameMapEdit edit;
    if (tau == most) return edit;  // all but the mean, which kernels do without a table
    at::Tensor& kept = filters_[frames];
    if (!kept.defined()) kept = high_band(frames, tau).select(0, 0).to(at::kFloat).to(device);
    edit.high = kept;
    return edit;
  }

  Options options_;
  std::string first_block_;
  std::map<std::string, Anchor> anchors_;           // by path behind the block, of the present forward pass
  std::map<std::string, at::Tensor> gains_;         // by path, of the present step's conditional rows
  std::map<std::vector<bool>, RowPlan> row_plans_;  // by which rows are conditional
  std::map<int64_t, at::Tensor> filters_;           // by frames
  std::map<std::array<int64_t, 4>, PlaceResampling> resamplings_;  // by the two sizes
  std::vector<at::Tensor> measured_;  // all gains so far; read when asked, so that no layer waits
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
