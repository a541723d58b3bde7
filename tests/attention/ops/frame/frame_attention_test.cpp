#include "attention/ops/frame/frame_attention.h"

#include <gtest/gtest.h>

#include <ATen/Parallel.h>

namespace reel::attention::frame_attention_test {

struct Case {
  int64_t rows, groups, heads, frames, keys, width;
  at::ScalarType dtype;
  double tolerance;  // absolute, on values of order one: rounding of the dtype
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.rows << " rows, " << c.groups << " groups, " << c.heads << " heads of " << c.width << ", "
       << c.frames << " queries, " << c.keys << " keys, " << c.dtype;
}

class FrameAttention : public testing::TestWithParam<std::tuple<at::DeviceType, Case>> {};

at::Tensor reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  const at::Tensor logits = at::matmul(q.to(at::kDouble), k.to(at::kDouble).transpose(-1, -2)) * scale;
  return at::matmul(at::softmax(logits, -1), v.to(at::kDouble));
}

TEST_P(FrameAttention, EqualsTheDefinitionInDouble) {
  const auto& [device, c] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  at::manual_seed(7);
  // As temporal layers pass it: heads and frames are strided views of [R, F, G, heads, d].
  const auto make = [device = device, &c = c](int64_t n) {
    return at::randn({c.rows, n, c.groups, c.heads, c.width}).to(c.dtype).to(device).permute({0, 2, 3, 1, 4});
  };
  const at::Tensor q = make(c.frames), k = make(c.keys), v = make(c.keys);
  const double scale = 1.0 / std::sqrt(double(c.width));
  const at::Tensor out = frame_attention(q, k, v, scale);
  EXPECT_EQ(out.sizes(), q.sizes());
  EXPECT_EQ(out.scalar_type(), c.dtype);
  EXPECT_LE((out.to(at::kDouble) - reference(q, k, v, scale)).abs().max().item<double>(), c.tolerance);
  EXPECT_TRUE(out.permute({0, 3, 1, 2, 4}).is_contiguous()) << "merging heads must be a view";
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, FrameAttention,
    testing::Combine(
        testing::Values(at::kCPU, at::kCUDA),
        testing::Values(
            Case{2, 5, 3, 16, 16, 32, at::kFloat, 2e-6}, Case{1, 1, 1, 1, 1, 1, at::kFloat, 2e-6},
            Case{1, 7, 2, 2, 2, 40, at::kFloat, 2e-6}, Case{1, 3, 5, 24, 24, 33, at::kFloat, 2e-6},
            Case{1, 2, 2, 128, 128, 160, at::kFloat, 5e-6}, Case{2, 3, 2, 5, 9, 64, at::kFloat, 2e-6},
            Case{2, 4, 3, 16, 16, 32, at::kBFloat16, 1.6e-2}, Case{1, 1, 1, 1, 1, 1, at::kBFloat16, 1.6e-2},
            Case{1, 3, 2, 7, 13, 33, at::kBFloat16, 1.6e-2}, Case{2, 2, 2, 50, 77, 40, at::kBFloat16, 1.6e-2},
            Case{1, 2, 1, 9, 256, 160, at::kBFloat16, 1.6e-2}, Case{1, 3, 8, 48, 48, 80, at::kHalf, 2e-3},
            Case{1, 3, 5, 64, 64, 40, at::kFloat, 2e-6}, Case{2, 4, 3, 16, 16, 32, at::kHalf, 2e-3})));

TEST(FrameAttentionTest, IsComposedFromOperatorsWhereADeviceHasNoKernel) {
  at::manual_seed(7);
  const at::Tensor q = at::randn({2, 5, 7, 3, 8}).permute({0, 2, 3, 1, 4});
  const at::Tensor composed = frame_attention_composed(q, q, q, 0.3);
  EXPECT_LE((composed - frame_attention(q, q, q, 0.3)).abs().max().item<double>(), 2e-6);
  EXPECT_TRUE(composed.permute({0, 3, 1, 2, 4}).is_contiguous()) << "merging heads must be a view";
}

TEST(FrameAttentionTest, SharesKeysAmongTheSequencesOfARow) {
  at::manual_seed(7);
  // As cross-attention passes it: [R, F, P, heads d] split into heads, and one set of text keys a row.
  const at::Tensor q = at::randn({2, 3, 150, 4, 20}).permute({0, 1, 3, 2, 4});
  const at::Tensor k = at::randn({2, 1, 77, 4, 20}).permute({0, 1, 3, 2, 4}),
                   v = at::randn({2, 1, 4, 77, 20});
  const at::Tensor out = frame_attention(q, k, v, 0.2);
  EXPECT_LE((out.to(at::kDouble) - reference(q, k, v, 0.2)).abs().max().item<double>(), 2e-6);
  EXPECT_TRUE(out.permute({0, 1, 3, 2, 4}).is_contiguous()) << "merging heads must be a view";
  EXPECT_LE((frame_attention_composed(q, k, v, 0.2) - out).abs().max().item<double>(), 2e-6);
}

TEST(FrameAttentionTest, TakesWholePicturesAsSequences) {
  at::manual_seed(7);
  const auto make = [] { return at::randn({2, 3, 256, 2, 32}).permute({0, 1, 3, 2, 4}); };
  const at::Tensor q = make(), k = make(), v = make();
  const at::Tensor out = frame_attention(q, k, v, 0.2);
  EXPECT_LE((out.to(at::kDouble) - reference(q, k, v, 0.2)).abs().max().item<double>(), 5e-6);
}

TEST(FrameAttentionTest, SurvivesExtremeLogits) {
  const at::Tensor q = at::full({1, 1, 1, 2, 4}, 1e4), k = at::cat({q, -q}, 3),
                   v = at::randn({1, 1, 1, 4, 4});
  const at::Tensor out = frame_attention(q, k, v, 1.0);
  EXPECT_TRUE(out.isfinite().all().item<bool>());
  EXPECT_LE((out.select(3, 0) - v.narrow(3, 0, 2).mean(3)).abs().max().item<double>(), 1e-6);
}

TEST(FrameAttentionTest, GivesTheSameBitsForAnyNumberOfThreads) {
  const at::Tensor x = at::randn({2, 50, 3, 16, 32});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = frame_attention(x, x, x, 0.2);
  at::set_num_threads(4);
  const at::Tensor four = frame_attention(x, x, x, 0.2);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, four));
}

TEST(FrameAttentionTest, AcceptsEmptyInputsAndRefusesWrongOnes) {
  EXPECT_EQ(
      frame_attention(at::zeros({0, 2, 1, 4, 8}), at::zeros({0, 2, 1, 4, 8}), at::zeros({0, 2, 1, 4, 8}), 1)
          .numel(),
      0);
  const at::Tensor q = at::zeros({1, 1, 1, 4, 8});
  EXPECT_THROW(frame_attention(q, at::zeros({1, 1, 1, 4, 9}), at::zeros({1, 1, 1, 4, 9}), 1), c10::Error);
  const at::Tensor many = at::zeros({1, 1, 1, 257, 8}), other = at::zeros({1, 2, 1, 4, 8});
  EXPECT_THROW(frame_attention(q, many, many, 1), c10::Error);
  EXPECT_THROW(frame_attention(q, other, other, 1), c10::Error);
}

}  // namespace reel::attention::frame_attention_test
