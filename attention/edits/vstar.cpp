// `vstar`: Temporal Attention Regularization. A band along the diagonal of temporal maps, so that each frame
// attends to near ones and long videos change over time.
#include "attention/frame_map_form.h"
#include "attention/plugin/edit_registry.h"

namespace reel::attention {
namespace {

/// logits + strength * m * T: m is the largest logit of each row, T[i, j] = exp(-(i - j)^2 / (2 sigma^2)).
/// The smaller sigma, the stronger the pull to the diagonal; sigma0 holds at the UNet's finest level, sigma1
/// at the next, 0 switches one off. A negative m weakens near frames: that is the published rule.
class Vstar : public Edit, private FrameMapForm {
 public:
  struct Options {
    double sigma0 = 1, sigma1 = 0, strength = 1;
    std::string steps = "auto";
  };
  explicit Vstar(Options options) : options_(std::move(options)) {}

  Hooks hooks() const override {
    return {.logits = options_.strength != 0 && (options_.sigma0 > 0 || options_.sigma1 > 0)};
  }
  bool applies_to(const Site& site) const override { return sigma_at(site) > 0; }
  // The authors' 14 of 25 steps, for other counts in proportion.
  bool applies_at(const Step& step) const override {
    return options_.steps != "auto" || step.index < std::floor(14.0 / 25.0 * step.count + 0.5);
  }

  void on_logits(const Call& call, at::Tensor& logits) override {
    const int64_t frames = logits.size(-1);
    if (frames == 1) return;
    const at::Tensor rows =
        band(frames, sigma_at(call.site), logits.device()).narrow(0, call.query_begin, logits.size(-2));
    logits.add_(logits.amax(-1, /*keepdim=*/true) * rows);
  }

  FrameMapForm* frame_form() override { return this; }

 private:
  void fill(const Call& call, FrameMapEdit& edit) override {
    const int64_t frames = call.q.size(3);
    if (frames > 1) edit.band = band(frames, sigma_at(call.site), call.q.device()).select(0, 0);
  }

  double sigma_at(const Site& site) const {
    return site.level == 0 ? options_.sigma0 : site.level == 1 ? options_.sigma1 : 0;
  }

  /// strength * T, [frames, frames] f32.
  at::Tensor band(int64_t frames, double sigma, at::Device device) {
    at::Tensor& kept = bands_[{frames, sigma}];
    if (!kept.defined()) {
      const at::Tensor frame = at::arange(frames, at::kDouble);
      const at::Tensor distance = frame.unsqueeze(1) - frame;
      kept =
          (at::exp(distance.square() / (-2 * sigma * sigma)) * options_.strength).to(at::kFloat).to(device);
    }
    return kept;
  }

  Options options_;
  std::map<std::pair<int64_t, double>, at::Tensor> bands_;
};

}  // namespace

void register_vstar(EditRegistry& registry) {
  auto vstar = registry.add<Vstar>(
      "vstar", "VSTAR", "Draws temporal attention to near frames, so that long videos keep changing.",
      "Li et al., VSTAR: Generative Temporal Nursing, 2024 (2403.13501)");
  const Range sigmas{0.0, 1e6};
  vstar.param("sigma0", &Vstar::Options::sigma0,
              "width of the band in frames at the UNet's finest level; off: none", sigmas);
  vstar.param("sigma1", &Vstar::Options::sigma1, "the same at the next coarser level", sigmas);
  vstar.param("strength", &Vstar::Options::strength, "height of the band, in row maxima; 0 changes nothing",
              Range{0.0, 10.0});
  vstar.steps(&Vstar::Options::steps).word("sigma0", "off", 0).word("sigma1", "off", 0);
  vstar.where("kind=temporal");
  for (const auto& [name, sigma0, sigma1] : {std::tuple{"64D1", 1.0, 0.0},
                                             {"64D4", 4.0, 0.0},
                                             {"64D8", 8.0, 0.0},
                                             {"64D1_32D8", 1.0, 8.0},
                                             {"64D4_32D8", 4.0, 8.0},
                                             {"64D1_32D12", 1.0, 12.0},
                                             {"64D4_32D12", 4.0, 12.0},
                                             {"64D1_32D1", 1.0, 1.0}})
    vstar.preset(name, {{"sigma0", sigma0}, {"sigma1", sigma1}});
}

}  // namespace reel::attention
