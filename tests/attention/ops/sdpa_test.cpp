// ATen's fused attention behind one door: its result, its log-sum-exp, and queries that see no key.
#include "attention/ops/sdpa.h"

#include "tests/attention/by_definition.h"

namespace reel::attention::sdpa_test {

class Sdpa : public testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType>> {};

TEST_P(Sdpa, EqualsTheDefinitionForEveryMaskAndWidth) {
  const auto [device, type] = GetParam();
  if (device == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  const double tolerance = type == at::kFloat ? 5e-6 : 5e-3;
  for (const int64_t width : {8, 5})  // 5: not what CUDA's kernels take
    for (const int64_t value_width : {width, width + 3})
      for (const auto& [queries, keys] : {std::pair<int64_t, int64_t>{9, 9}, {1, 40}, {33, 600}})
        for (const auto& mask_sizes : {std::vector<int64_t>{},
                                       {2, 3, queries, keys},
                                       {1, 1, queries, keys},
                                       {2, 1, 1, keys},
                                       {1, 3, 1, keys}}) {
          Call call = random_call({.rows = 2, .heads = 3, .queries = queries, .keys = keys, .width = width});
          call.v = at::randn({2, 1, 3, keys, value_width}) / 4;
          for (at::Tensor* t : {&call.q, &call.k, &call.v}) *t = t->to(type).to(device);
          at::Tensor mask;
          if (!mask_sizes.empty()) {
            mask = at::randn(mask_sizes).to(device);
            if (mask.size(2) > 1) mask.select(2, 0).fill_(-std::numeric_limits<float>::infinity());
            call.bias = mask.unsqueeze(1);
          }
          for (const bool causal : {false, true}) {
            if (causal && (queries != keys || mask.defined())) continue;
            call.visible.causal = causal;
            const ByDefinition expected = by_definition(call);
            for (const bool wants_lse : {false, true}) {
              const Partial result = sdpa(call.q.squeeze(1), call.k.squeeze(1), call.v.squeeze(1), mask,
                                          {1 / std::sqrt(double(width)), causal, wants_lse});
              EXPECT_EQ(result.out.scalar_type(), type);
              EXPECT_LE(difference(result.out, expected.out.squeeze(1)), tolerance)
                  << width << " " << value_width;
              EXPECT_EQ(result.lse.defined(), wants_lse);
              if (!wants_lse) continue;
              EXPECT_EQ(result.lse.scalar_type(), at::kFloat);
              EXPECT_LE(difference(result.lse, expected.lse.squeeze(1)), tolerance)
                  << width << " " << value_width;
            }
          }
        }
}

INSTANTIATE_TEST_SUITE_P(Ops, Sdpa,
                         testing::Combine(testing::Values(at::kCPU, at::kCUDA),
                                          testing::Values(at::kFloat, at::kHalf, at::kBFloat16)));

}  // namespace reel::attention::sdpa_test
