// The batch law of kernels: a row of a batch gives the same bits as alone, on CPUs and GPUs, in f32 and f16.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "attention/fused_attention.h"
#include "attention/ops/frame/frame_attention.h"
#include "models/ops/channel_norm.h"
#include "models/ops/layer_norm.h"

namespace reel::models::kernel_batch_law_test {

class KernelBatchLaw : public testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType>> {
 protected:
  void SetUp() override {
    if (std::get<0>(GetParam()) == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
    at::manual_seed(9);
  }
  at::Tensor random(at::IntArrayRef sizes) const {
    return at::randn(sizes).to(std::get<1>(GetParam())).to(std::get<0>(GetParam()));
  }
  /// Runs `f` on all rows of the inputs, and on each alone and the first three.
  static void expect_rows_alone(const std::vector<at::Tensor>& inputs,
                                const std::function<at::Tensor(const std::vector<at::Tensor>&)>& f,
                                const std::string& what) {
    const at::Tensor together = f(inputs);
    const int64_t rows = inputs[0].size(0);
    const auto check = [&](int64_t first, int64_t count) {
      std::vector<at::Tensor> some;
      for (const at::Tensor& input : inputs) some.push_back(input.narrow(0, first, count));
      EXPECT_TRUE(at::equal(f(some), together.narrow(0, first, count)))
          << what << ": rows " << first << " to " << first + count - 1 << " of " << rows;
    };
    for (int64_t r = 0; r < rows; ++r) check(r, 1);
    check(0, std::min<int64_t>(3, rows));
  }
};

TEST_P(KernelBatchLaw, GroupNorm) {
  for (const auto& [side, channels, groups] :
       {std::tuple{int64_t{3}, int64_t{24}, int64_t{4}}, {8, 320, 32}, {32, 64, 32}, {64, 128, 32}}) {
    const at::Tensor weight = random({channels}), bias = random({channels});
    for (const bool silu : {false, true}) {
      expect_rows_alone(
          {random({9, side, side, channels})},
          [&, groups = groups, silu](const std::vector<at::Tensor>& x) {
            return group_norm_channels_last(x[0].contiguous(), weight, bias, groups, 1e-5, silu);
          },
          "group norm " + std::to_string(side));
    }
  }
}

TEST_P(KernelBatchLaw, LayerNormAndGeglu) {
  for (const int64_t width : {24, 320, 1280}) {
    const at::Tensor weight = random({width}), bias = random({width});
    expect_rows_alone(
        {random({7, 5, 33, width})},
        [&](const std::vector<at::Tensor>& x) {
          return layer_norm(x[0].contiguous(), weight, bias, {}, 1e-5);
        },
        "layer norm " + std::to_string(width));
    expect_rows_alone(
        {random({7, 5, 33, 2 * width})},
        [](const std::vector<at::Tensor>& x) { return geglu(x[0].contiguous()); }, "geglu");
  }
}

TEST_P(KernelBatchLaw, FrameAttentionWithAndWithoutEdits) {
  for (const auto& [frames, width] : {std::pair{int64_t{16}, int64_t{40}}, {8, 64}, {48, 32}}) {
    attention::FrameMapEdit edit;
    edit.band = random({frames}).to(at::kFloat);
    for (const attention::FrameMapEdit& chosen : {attention::FrameMapEdit{}, edit}) {
      expect_rows_alone(
          {random({5, 6, 3, frames, width}), random({5, 6, 3, frames, width}),
           random({5, 6, 3, frames, width})},
          [&](const std::vector<at::Tensor>& t) {
            return attention::frame_attention(t[0], t[1], t[2], 0.2, chosen);
          },
          "frame attention " + std::to_string(frames));
    }
  }
}

TEST_P(KernelBatchLaw, FusedAttentionOfEveryKind) {
  const attention::Site site{.path = "attn", .kind = attention::SiteKind::kSpatial, .heads = 4};
  const Step step;
  struct Shape {
    int64_t groups, key_groups, heads, key_heads, queries, keys, width;
    bool causal;
  };
  for (const Shape& s : {Shape{1, 1, 4, 4, 600, 600, 64, false}, Shape{4, 4, 5, 5, 256, 256, 40, false},
                         Shape{4, 1, 5, 5, 256, 77, 40, false}, Shape{1, 1, 4, 2, 130, 130, 64, true},
                         Shape{1, 1, 8, 2, 1, 1500, 128, true}, Shape{1, 1, 4, 4, 33, 700, 80, true},
                         Shape{1, 1, 1, 1, 300, 300, 512, false}}) {
    for (const bool lse : {false, true}) {
      expect_rows_alone(
          {random({5, s.groups, s.heads, s.queries, s.width}),
           random({5, s.key_groups, s.key_heads, s.keys, s.width}),
           random({5, s.key_groups, s.key_heads, s.keys, s.width})},
          [&](const std::vector<at::Tensor>& t) {
            attention::Call call{.site = site, .step = step};
            call.q = t[0], call.k = t[1], call.v = t[2];
            call.visible.causal = s.causal, call.wants_lse = lse;
            const attention::Partial part = attention::fused_attention(call);
            return lse ? at::cat({part.out.to(at::kFloat), part.lse.unsqueeze(-1)}, -1) : part.out;
          },
          std::to_string(s.queries) + " queries, " + std::to_string(s.keys) + " keys" +
              (lse ? ", with log-sum-exp" : ""));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, KernelBatchLaw,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::Values(at::kFloat, at::kHalf)));

}  // namespace reel::models::kernel_batch_law_test
