// Guiders by name: what wraps what, and the options of `cfg`.
#include <gmock/gmock.h>

#include "guidance/guider.h"

namespace reel::guidance::cfg_test {

using testing::ElementsAre;

/// Answers with the number of rows that it is asked about.
class CountsRows : public models::Denoiser {
 public:
  struct State : models::DenoiserState {};
  std::unique_ptr<models::DenoiserState> begin(const models::Conditioning&) const override {
    return std::make_unique<State>();
  }
  at::Tensor predict(const at::Tensor& latent, const Step&, models::DenoiserState&,
                     attention::Processor&) const override {
    asked.push_back(latent.size(0));
    return latent * 1;
  }
  const std::vector<attention::Site>& sites() const override { return sites_; }
  mutable std::vector<int64_t> asked;

 private:
  std::vector<attention::Site> sites_;
};

/// Adds a number to the prediction: what a guider around another one looks like.
class Adds : public models::Denoiser {
 public:
  Adds(const models::Denoiser& inner, double number) : inner_(inner), number_(number) {}
  std::unique_ptr<models::DenoiserState> begin(const models::Conditioning& c) const override {
    return inner_.begin(c);
  }
  at::Tensor predict(const at::Tensor& latent, const Step& step, models::DenoiserState& state,
                     attention::Processor& attend) const override {
    return inner_.predict(latent, step, state, attend) + number_;
  }
  const std::vector<attention::Site>& sites() const override { return inner_.sites(); }

 private:
  const models::Denoiser& inner_;
  double number_;
};

class CfgGuiderTest : public testing::Test {
 protected:
  CfgGuiderTest() {
    register_guiders(registry);
    GuiderEntry entry;
    entry.spec = {"adds", "Adds a number.", ""};
    entry.spec.params = {{"number", "what is added", 1.0}};
    entry.make = [](const models::Denoiser& inner, const GuiderRun&, const ParamValues& options) {
      return std::make_unique<Adds>(inner, std::get<double>(options.at("number")));
    };
    registry.add(std::move(entry));
  }

  at::Tensor predict(const std::vector<std::string>& guiders, double scale) {
    network.asked.clear();
    const Guided guided(registry, guiders, network, {.scale = scale});
    models::Conditioning condition;
    condition.context = at::zeros({2, 1, 1});
    condition.rows = {{.conditional = false}, {.conditional = true}};
    attention::Processor attend;
    const auto state = guided.denoiser().begin(condition);
    return guided.denoiser().predict(at::ones({1, 1}), Step{}, *state, attend);
  }

  GuiderRegistry registry;
  CountsRows network;
};

TEST_F(CfgGuiderTest, WorksUnlessAnotherOfItsNameIsListed) {
  predict({}, 7);
  EXPECT_THAT(network.asked, ElementsAre(2)) << "both halves at once";
  predict({"cfg:two_passes=true"}, 7);
  EXPECT_THAT(network.asked, ElementsAre(1, 1));
  predict({}, 1);
  EXPECT_THAT(network.asked, ElementsAre(1)) << "no guidance";
}

TEST_F(CfgGuiderTest, TheFirstOfTheListIsNextToTheNetwork) {
  EXPECT_EQ(predict({"adds:number=2"}, 3).item<double>(), 3) << "around cfg, which is there unasked";
  // Within cfg the sum belongs to both halves, so that guidance leaves it as it is.
  EXPECT_EQ(predict({"adds:number=2", "cfg"}, 3).item<double>(), 3);
  EXPECT_EQ(predict({"cfg", "adds:number=2", "adds:number=4"}, 3).item<double>(), 7);
}

TEST_F(CfgGuiderTest, UnknownNamesAndOptionsAreRefused) {
  EXPECT_THROW(predict({"cgf"}, 3), std::invalid_argument);
  EXPECT_THROW(predict({"cfg:rescale=2"}, 3), std::invalid_argument);
  EXPECT_THROW(predict({"cfg:factor=2"}, 3), std::invalid_argument);
}

TEST_F(CfgGuiderTest, AGuiderReplacesTheOneOfItsName) {
  EXPECT_THAT(with_guider({}, "cfg:rescale=0.5"), ElementsAre("cfg:rescale=0.5"));
  EXPECT_THAT(with_guider({"cfg:rescale=0.1", "adds"}, "cfg:rescale=0.5"),
              ElementsAre("cfg:rescale=0.5", "adds"));
}

}  // namespace reel::guidance::cfg_test
