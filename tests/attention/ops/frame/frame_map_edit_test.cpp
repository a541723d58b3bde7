// Kernels that edit maps on the way are held to the same edit of maps in memory, on every device.
#include "attention/ops/frame/frame_map_edit.h"

#include <gtest/gtest.h>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include "attention/edits/support/band_filter.h"
#include "attention/edits/support/place_resampling.h"
#include "attention/ops/frame/frame_attention.h"
#include "attention/ops/frame/frame_map_energy.h"

namespace reel::attention::frame_map_edit_test {

struct Case {
  int64_t rows, height, width, heads, frames, d;
  std::string interpolation = "nearest";
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.rows << " rows, " << c.height << "x" << c.width << " places, " << c.heads << " heads of " << c.d
       << ", " << c.frames << " frames, " << c.interpolation;
}

constexpr double kLargestGain = 10;

class FrameMapEditTest : public testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType, Case>> {
 protected:
  void SetUp() override {
    if (device() == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
    at::manual_seed(11);
    const Case& c = std::get<2>(GetParam());
    // As temporal layers pass it: heads and frames are strided views of [R, F, G, heads, d]. Values below
    // one, so that a last place of a half type is below the tolerance.
    const auto make = [&] {
      return at::rand({c.rows, c.frames, c.height * c.width, c.heads, c.d})
          .mul_(2)
          .sub_(1)
          .to(dtype())
          .permute({0, 2, 3, 1, 4});
    };
    q = make().mul(3).to(device()), k = make().mul(3).to(device()), v = make().to(device());
    scale = 1.0 / std::sqrt(double(c.d));
    const at::Tensor distance = at::arange(c.frames, at::kDouble);
    edit.band = at::exp(distance.square() / -8).to(at::kFloat).to(device());
    const int64_t low = std::max<int64_t>(1, c.height / 2), wide = std::max<int64_t>(1, c.width / 3);
    edit.anchor =
        at::softmax(at::randn({c.rows, low * wide, c.heads, c.frames, c.frames}) * 2, -1).to(device());
    if (dtype() != at::kFloat && device() == at::kCUDA) edit.anchor = edit.anchor.to(at::kHalf);
    const PlaceResampling places = resample_places(low, wide, c.height, c.width, c.interpolation);
    edit.places = places.places.to(device()), edit.weights = places.weights.to(device());
    edit.alpha = 0.6;
    edit.gain = (at::rand({c.rows}) * (kLargestGain - 1) + 1).to(device());
  }

  at::DeviceType device() const { return std::get<0>(GetParam()); }
  at::ScalarType dtype() const { return std::get<1>(GetParam()); }
  /// 1e-5 (f32) or 5e-3 (half types), and as many times it as frequencies are raised.
  double tolerance(double gain = 1) const {
    return (dtype() == at::kFloat ? 1e-5 : 5e-3) * std::max(1.0, gain);
  }

  /// The frequencies of an edit with another band than all but the mean, if so many frames have one.
  at::Tensor narrow_band() const {
    const int64_t frames = q.size(3);
    return high_band(frames, std::max<int64_t>(0, frames / 2 - 2)).select(0, 0).to(at::kFloat).to(device());
  }

  void expect_equal(const FrameMapEdit& asked, double gain, const char* what) {
    const at::Tensor fused = frame_attention(q, k, v, scale, asked);
    // From the same inputs, with results in f32, so that rounding of results is not counted twice.
    const at::Tensor reference =
        frame_attention_composed(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), scale, asked);
    EXPECT_EQ(fused.scalar_type(), dtype());
    EXPECT_LE((fused.to(at::kFloat) - reference).abs().max().item<double>(), tolerance(gain)) << what;
  }

  at::Tensor q, k, v;
  double scale = 1;
  FrameMapEdit edit;
};

TEST_P(FrameMapEditTest, FusedAttentionWithABandEqualsTheReference) {
  FrameMapEdit asked;
  asked.band = edit.band;
  expect_equal(asked, 1, "band");
}

TEST_P(FrameMapEditTest, FusedAttentionDrawnToAnAnchorEqualsTheReference) {
  FrameMapEdit asked = edit;
  asked.band.reset(), asked.gain.reset();
  expect_equal(asked, 1, "anchor");
}

TEST_P(FrameMapEditTest, FusedAttentionWithRaisedFrequenciesEqualsTheReference) {
  FrameMapEdit asked;
  asked.gain = edit.gain;
  expect_equal(asked, kLargestGain, "all but the mean");
  asked.high = narrow_band();
  expect_equal(asked, kLargestGain, "a narrower band");
}

TEST_P(FrameMapEditTest, FusedAttentionWithAllOfItEqualsTheReference) {
  expect_equal(edit, kLargestGain, "all but the mean");
  edit.high = narrow_band();
  expect_equal(edit, kLargestGain, "a narrower band");
}

TEST_P(FrameMapEditTest, EnergiesEqualTheReferenceAndMapsAreKept) {
  for (const bool narrow : {false, true}) {
    if (narrow) edit.high = narrow_band();
    const FrameMapEnergy fused = frame_map_energy(q, k, scale, edit, /*keep_maps=*/true),
                         reference = frame_map_energy_composed(q, k, scale, edit, true);
    const auto ratio_error = [](const at::Tensor& a, const at::Tensor& b) {
      return ((a - b) / (b + 1e-6)).abs().max().item<double>();
    };
    const double tolerance = dtype() == at::kFloat ? 1e-5 : 1e-3;  // the anchor is f16 then
    EXPECT_LE(ratio_error(fused.before, reference.before), 1e-5);
    EXPECT_LE(ratio_error(fused.guided, reference.guided), tolerance);
    EXPECT_LE(ratio_error(fused.high, reference.high), tolerance);
    EXPECT_LE((fused.maps.to(at::kFloat) - reference.maps).abs().max().item<double>(),
              dtype() == at::kFloat ? 1e-5 : 5e-4);
  }
}

TEST_P(FrameMapEditTest, PartsOfTheRowsGiveTheSameBits) {
  const FrameMapEnergy all = frame_map_energy(q, k, scale, edit);
  const int64_t last = q.size(0) - 1;
  const FrameMapEnergy one =
      frame_map_energy(q.narrow(0, last, 1), k.narrow(0, last, 1), scale, edit.rows(last, 1));
  EXPECT_TRUE(at::equal(one.guided, all.guided.narrow(0, last, 1)));
  EXPECT_TRUE(at::equal(one.high, all.high.narrow(0, last, 1)));
  EXPECT_TRUE(at::equal(frame_attention(q.narrow(0, last, 1), k.narrow(0, last, 1), v.narrow(0, last, 1),
                                        scale, edit.rows(last, 1)),
                        frame_attention(q, k, v, scale, edit).narrow(0, last, 1)));
}

TEST_P(FrameMapEditTest, TwoRunsGiveTheSameBits) {
  EXPECT_TRUE(at::equal(frame_attention(q, k, v, scale, edit), frame_attention(q, k, v, scale, edit)));
  EXPECT_TRUE(at::equal(frame_map_energy(q, k, scale, edit).high, frame_map_energy(q, k, scale, edit).high));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, FrameMapEditTest,
    testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                     testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                     testing::Values(Case{2, 2, 3, 8, 2, 40}, Case{2, 3, 5, 3, 8, 33, "bilinear"},
                                     Case{4, 4, 6, 2, 16, 32}, Case{2, 2, 2, 8, 16, 160, "bilinear"},
                                     Case{1, 5, 3, 5, 24, 64}, Case{2, 4, 3, 2, 32, 80, "bilinear"},
                                     Case{2, 1, 3, 5, 48, 64}, Case{2, 2, 3, 3, 64, 64},
                                     Case{1, 2, 2, 2, 64, 160}, Case{1, 3, 1, 1, 9, 37},
                                     Case{1, 1, 2, 2, 128, 64})));

TEST(FrameMapEdits, GiveTheSameBitsForAnyNumberOfThreads) {
  const at::Tensor x = at::randn({2, 50, 3, 16, 32});
  const auto with_threads = [&](int threads) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    const FrameMapEnergy energy = frame_map_energy(x, x, 0.2, {});
    at::set_num_threads(before);
    return at::stack({energy.before, energy.high});
  };
  EXPECT_TRUE(at::equal(with_threads(1), with_threads(4)));
}

class EnergyGainTest : public testing::TestWithParam<at::DeviceType> {};

TEST_P(EnergyGainTest, GivesTheEnergyBackOrAtLeastWhatWasAsked) {
  if (GetParam() == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  // Energy lost, energy won, none but high frequencies lost, nothing to raise.
  const at::Tensor before = at::tensor({0.5, 0.3, 0.9, 0.25}, at::kDouble),
                   guided = at::tensor({0.4, 0.4, 0.4, 0.25}, at::kDouble),
                   high = at::tensor({0.1, 0.2, 0.01, 1e-9}, at::kDouble);
  const at::Tensor expected = at::tensor({1.5, 1.5, std::sqrt(51.0), 1.0}, at::kDouble).to(at::kFloat);
  const auto on = [](const at::Tensor& t) { return t.to(GetParam()); };
  const at::Tensor gains = energy_gain(on(before), on(guided), on(high), 1.5).cpu();
  EXPECT_TRUE(at::allclose(gains, expected, 1e-6, 0)) << gains;
  EXPECT_TRUE(at::equal(gains, energy_gain_composed(before, guided, high, 1.5)));
  const auto third = [&](const at::Tensor& t) { return on(t).narrow(0, 2, 1).expand({3}); };
  EXPECT_TRUE(at::equal(energy_gain(third(before), third(guided), third(high), 1.5).cpu(),
                        gains.narrow(0, 2, 1).expand({3})));
}

INSTANTIATE_TEST_SUITE_P(Devices, EnergyGainTest, testing::Values(at::kCPU, at::kCUDA));

TEST(FrameMapEdits, RefuseTensorsThatDoNotFit) {
  const at::Tensor x = at::randn({2, 6, 3, 8, 4});
  FrameMapEdit edit;
  edit.band = at::zeros({7});
  EXPECT_THROW(frame_attention(x, x, x, 1, edit), c10::Error) << "a band for seven frames";
  edit.band = at::zeros({8}, at::kDouble);
  EXPECT_THROW(frame_map_energy(x, x, 1, edit), c10::Error) << "f64";
  edit.band = at::zeros({8});
  EXPECT_THROW(frame_attention(x, x.narrow(3, 0, 5), x.narrow(3, 0, 5), 1, edit), c10::Error) << "other keys";
  edit = {};
  edit.gain = at::ones({3});
  EXPECT_THROW(frame_attention(x, x, x, 1, edit), c10::Error) << "gains for three rows";
  edit = {};
  edit.anchor = at::ones({2, 6, 3, 8, 8});
  EXPECT_THROW(frame_attention(x, x, x, 1, edit), c10::Error) << "an anchor without places";
}

}  // namespace reel::attention::frame_map_edit_test
