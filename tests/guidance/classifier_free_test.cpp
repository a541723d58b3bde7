#include "guidance/classifier_free.h"

#include <gmock/gmock.h>

#include "tests/support/golden.h"

namespace reel::guidance::classifier_free_test {

struct EchoState : models::DenoiserState {
  models::Conditioning condition;
};

/// Answers context + latent row by row, and remembers what it was asked.
class Echo : public models::Denoiser {
 public:
  std::unique_ptr<models::DenoiserState> begin(const models::Conditioning& condition) const override {
    ++runs;
    auto state = std::make_unique<EchoState>();
    state->condition = condition;
    return state;
  }
  at::Tensor predict(const at::Tensor& latent, const Step&, models::DenoiserState& state,
                     attention::Processor&) const override {
    const models::Conditioning& condition = dynamic_cast<EchoState&>(state).condition;
    EXPECT_EQ(latent.size(0), condition.context.size(0));
    EXPECT_EQ(latent.size(0), static_cast<int64_t>(condition.rows.size()));
    if (condition.pooled.defined()) {
      EXPECT_EQ(latent.size(0), condition.pooled.size(0));
    }
    for (const Row& row : condition.rows) asked.push_back(row.conditional);
    ++calls;
    return latent * condition.context.reshape({-1, 1, 1, 1, 1}) + condition.context.reshape({-1, 1, 1, 1, 1});
  }
  const std::vector<attention::Site>& sites() const override { return sites_; }

  mutable std::vector<bool> asked;
  mutable int calls = 0, runs = 0;

 private:
  std::vector<attention::Site> sites_ = {{.path = "here"}};
};

models::Conditioning condition(std::vector<float> contexts, size_t unconditional) {
  models::Conditioning result;
  result.context = at::tensor(contexts).reshape({-1, 1, 1});
  result.rows.resize(contexts.size());
  for (size_t r = 0; r < unconditional; ++r) result.rows[r].conditional = false;
  return result;
}

const at::Tensor kLatent = at::arange(2 * 6, at::kFloat).sin().reshape({2, 1, 1, 2, 3});

at::Tensor answer(float context, int64_t row) { return kLatent.narrow(0, row, 1) * context + context; }

at::Tensor predict(const ClassifierFree& cfg, const at::Tensor& latent,
                   const models::Conditioning& condition) {
  attention::Processor attend;
  return cfg.predict(latent, {}, *cfg.begin(condition), attend);
}

at::Tensor guided(double scale) {
  return at::cat({answer(1, 0) + (answer(3, 0) - answer(1, 0)) * scale,
                  answer(2, 1) + (answer(5, 1) - answer(2, 1)) * scale});
}

TEST(ClassifierFreeTest, MovesAwayFromTheUnconditionalAnswer) {
  Echo echo;
  const at::Tensor result =
      predict(ClassifierFree(echo, {.scale = 7.5}), kLatent, condition({1, 2, 3, 5}, 2));
  EXPECT_TRUE(close(result, guided(7.5), 1e-6, 1e-6));
  EXPECT_EQ(echo.calls, 1);
  EXPECT_EQ(echo.asked, (std::vector<bool>{false, false, true, true}));
}

TEST(ClassifierFreeTest, TwoPassesGiveTheSameAnswerConditionalFirst) {
  Echo echo;
  models::Conditioning given = condition({1, 2, 3, 5}, 2);
  given.pooled = at::zeros({4, 2});
  const at::Tensor result = predict(ClassifierFree(echo, {.scale = 7.5, .two_passes = true}), kLatent, given);
  EXPECT_TRUE(close(result, guided(7.5), 1e-6, 1e-6));
  EXPECT_EQ(echo.calls, 2);
  EXPECT_EQ(echo.asked, (std::vector<bool>{true, true, false, false}));
}

TEST(ClassifierFreeTest, ScaleOfAtMostOneAsksOnlyTheConditionalRows) {
  for (const double scale : {0.0, 1.0}) {
    Echo echo;
    const at::Tensor expected = at::cat({answer(3, 0), answer(5, 1)});
    ClassifierFree cfg(echo, {.scale = scale});
    EXPECT_TRUE(at::equal(predict(cfg, kLatent, condition({1, 2, 3, 5}, 2)), expected));
    EXPECT_TRUE(at::equal(predict(cfg, kLatent, condition({3, 5}, 0)), expected));
    EXPECT_EQ(echo.asked, (std::vector<bool>{true, true, true, true}));
  }
}

TEST(ClassifierFreeTest, RescalingRestoresTheDeviationOfEachRow) {
  Echo echo;
  const auto rescaled = [&](double rescale) {
    return predict(ClassifierFree(echo, {.scale = 4, .rescale = rescale}), kLatent,
                   condition({1, 2, 3, 5}, 2));
  };
  const at::Tensor full = rescaled(1.0), half = rescaled(0.5), plain = rescaled(0.0);
  for (int64_t row = 0; row < 2; ++row) {
    const at::Tensor conditional = answer(row == 0 ? 3 : 5, row);
    EXPECT_NEAR(full[row].std().item<double>(), conditional.std().item<double>(), 1e-5);
    const at::Tensor factor = conditional.std() / plain[row].std();
    EXPECT_TRUE(close(half[row], plain[row] * (factor * 0.5 + 0.5), 1e-5, 1e-5));
  }
}

TEST(ClassifierFreeTest, RescalingLeavesAConstantAnswerAlone) {
  Echo echo;
  const at::Tensor zeros = at::zeros({1, 1, 1, 2, 2});
  const at::Tensor result =
      predict(ClassifierFree(echo, {.scale = 4, .rescale = 0.7}), zeros, condition({0, 0}, 1));
  EXPECT_TRUE(at::equal(result, zeros));
}

TEST(ClassifierFreeTest, RowsThatDoNotPairAreRefused) {
  Echo echo;
  ClassifierFree cfg(echo, {.scale = 7.5});
  EXPECT_THROW(predict(cfg, kLatent, condition({1, 2, 3}, 1)), std::invalid_argument);
  EXPECT_THROW(predict(cfg, kLatent, condition({3, 5}, 0)), std::invalid_argument);
  EXPECT_THROW(predict(cfg, kLatent, condition({1, 2, 3, 5}, 1)), std::invalid_argument);
  EXPECT_THROW(predict(cfg, kLatent, condition({1, 2, 3, 5}, 4)), std::invalid_argument);
  EXPECT_THROW(predict(cfg, kLatent, condition({3, 5}, 1)), std::invalid_argument)
      << "the latent has two rows";
  EXPECT_EQ(echo.calls, 0);
}

TEST(ClassifierFreeTest, OptionsOutOfRangeAreRefused) {
  Echo echo;
  EXPECT_THROW(ClassifierFree(echo, {.scale = -1}), std::invalid_argument);
  EXPECT_THROW(ClassifierFree(echo, {.scale = NAN}), std::invalid_argument);
  EXPECT_THROW(ClassifierFree(echo, {.scale = 5, .rescale = 1.1}), std::invalid_argument);
  EXPECT_THROW(ClassifierFree(echo, {.scale = 5, .rescale = NAN}), std::invalid_argument);
}

TEST(ClassifierFreeTest, ShowsTheSitesOfTheNetwork) {
  Echo echo;
  EXPECT_EQ(ClassifierFree(echo, {}).sites()[0].path, "here");
}

TEST(ClassifierFreeTest, TheScaleMayChangeFromStepToStep) {
  const Echo echo;
  const auto scale_at = [](const Step& step) { return step.index < 2 ? 3.0 : 1.0; };
  const ClassifierFree changing(echo, {.scale_at = scale_at});
  const models::Conditioning given = condition({1, 2, 3, 5}, 2);
  attention::Processor attend;
  const auto state = changing.begin(given);
  for (const int index : {0, 2, 1}) {
    const at::Tensor expected =
        predict(ClassifierFree(echo, {.scale = index < 2 ? 3.0 : 1.0}), kLatent, given);
    EXPECT_TRUE(
        at::equal(changing.predict(kLatent, Step{.index = index, .count = 3}, *state, attend), expected))
        << index;
  }
}

}  // namespace reel::guidance::classifier_free_test
