// KSampler on a tiny random model. Above 300 lines because each node has one test file.
#include <gmock/gmock.h>

#include "guidance/classifier_free.h"
#include "guidance/sampling/sampling.h"
#include "models/files/safetensors.h"
#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::k_sampler_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::vector<int64_t> kShape = {1, 4, 3, 4, 6};  // 12 x 8 pixels, three frames

class KSamplerTest : public testing::Test {
 protected:
  Latent size(int64_t width = 12, int64_t height = 8, int64_t batch = 1, int64_t frames = 3) {
    return bench_.get<Latent>(
        "EmptyLatentVideo",
        {{"width", width}, {"height", height}, {"length", frames}, {"batch_size", batch}});
  }
  PromptContext prompt(const std::string& text) { return {encoded(bench_, text)}; }
  PromptContext schedule(const std::string& keys, int64_t length = 3) {
    return bench_.get<PromptContext>(
        "PromptSchedule", {{"clip", ClipHandle{tiny_folder()}}, {"keys", keys}, {"length", length}});
  }

  /// The tiny model as another folder would describe it.
  ModelHandle network_whose(const std::function<void(models::ModelFolder&)>& change) {
    ModelHandle model = tiny_network(bench_);
    auto folder = std::make_shared<models::ModelFolder>(*model.folder);
    change(*folder);
    model.folder = folder;
    return model;
  }

  /// Two steps of the plain job, with some inputs changed.
  NodeBench::Given job(const NodeBench::Given& changed = {}) {
    NodeBench::Given given = {{"model", tiny_network(bench_)},
                              {"positive", prompt("a fox")},
                              {"negative", prompt("blurry")},
                              {"latent_image", size()},
                              {"steps", 2},
                              {"cfg", 5.0},
                              {"seed", 3}};
    for (const auto& [name, value] : changed) given[name] = value;
    return given;
  }
  at::Tensor sampled(const NodeBench::Given& changed = {}) {
    return bench_.get<Latent>("KSampler", job(changed)).samples;
  }
  std::string refusal(const NodeBench::Given& changed) { return bench_.refusal("KSampler", job(changed)); }

  /// The plain job by the library's own calls.
  at::Tensor by_hand(const std::string& scheduler_choice, double scale, uint64_t seed) {
    const ModelHandle model = tiny_network(bench_);
    const auto denoiser = bench_.context.models->denoiser(model);
    const auto scheduler =
        guidance::make_scheduler(*bench_.context.schedulers, model.folder->scheduler, scheduler_choice, 2);
    guidance::SeededNoise noise(seed);
    const at::Tensor start = noise.draw(kShape);
    models::Conditioning condition;
    condition.context = at::cat({encoded(bench_, "blurry"), encoded(bench_, "a fox")});
    condition.rows = {{.conditional = false}, {.conditional = true}};
    guidance::ClassifierFree guided(*denoiser, {.scale = scale});
    attention::Processor attend;
    return guidance::sample(guided, *scheduler, condition, start, noise.source(kShape), attend);
  }

  std::string noise_file(const std::string& name, const at::Tensor& tensor) {
    const std::string path = folder_ / (name + ".safetensors");
    models::write_safetensors(path, {{name, tensor}});
    return path;
  }

  NodeBench bench_;
  TemporaryFolder folder_;
};

TEST_F(KSamplerTest, Declares) {
  EXPECT_THAT(bench_.sockets("KSampler"),
              ElementsAre("model: MODEL", "seed: INT = 0, seed", "steps: INT = 20 in 1 to 10000",
                          "cfg: FLOAT = 8 in 0 to 100",
                          AllOf(StartsWith("sampler_name: COMBO = model of model|"), HasSubstr("|euler|")),
                          "scheduler: COMBO = model of model|karras|normal|sgm_uniform|ddim_uniform",
                          "positive: CONDITIONING", "negative: CONDITIONING", "latent_image: LATENT",
                          "denoise: FLOAT = 1 in 1 to 1", "sampler_options: STRING = ",
                          "initial_noise: STRING = , file", "step_noise: STRING = , file", "-> LATENT"));
  for (const std::string& name : bench_.context.schedulers->names())
    EXPECT_THAT(bench_.node("KSampler").input("sampler_name")->choices, testing::Contains(name));
}

TEST_F(KSamplerTest, SamplesWhatTheLibrarySamplesBitForBit) {
  const at::Tensor latent = sampled();
  EXPECT_EQ(latent.sizes(), at::IntArrayRef(kShape));
  EXPECT_TRUE(at::equal(latent, by_hand("", 5, 3)));
  EXPECT_TRUE(at::equal(sampled({{"sampler_name", "euler_ancestral"}, {"seed", 4}}),
                        by_hand("euler_ancestral", 5, 4)));
  EXPECT_TRUE(at::equal(sampled({{"sampler_options", "eta=0.5"}, {"sampler_name", "ddim"}}),
                        by_hand("ddim:eta=0.5", 5, 3)));
}

TEST_F(KSamplerTest, ModelStandsForTheSamplerThatTheFolderNames) {
  EXPECT_TRUE(at::equal(sampled(), sampled({{"sampler_name", "ddim"}})));
  EXPECT_GT(models::max_error(sampled(), sampled({{"sampler_name", "euler_ancestral"}})), 1e-3);
  const at::Tensor noisy = sampled({{"sampler_options", "eta=0.5"}});
  EXPECT_TRUE(at::equal(noisy, sampled({{"sampler_name", "ddim"}, {"sampler_options", "eta=0.5"}})));
  EXPECT_GT(models::max_error(sampled(), noisy), 1e-3);
}

TEST_F(KSamplerTest, SpacingsAreThoseOfComfyUi) {
  const struct {
    const char *spacing, *option, *file;
  } cases[] = {{"karras", "karras=true", "leading"},
               {"normal", "spacing=linspace", "leading"},
               {"sgm_uniform", "spacing=trailing", "linspace"},
               {"ddim_uniform", "spacing=leading", "linspace"}};
  for (const auto& each : cases) {
    const ModelHandle model = network_whose([&](models::ModelFolder& folder) {
      folder.scheduler =
          models::Config::parse(R"({"timestep_spacing": ")" + std::string(each.file) + "\"}", "test");
    });
    NodeBench::Given plain = {{"model", model},
                              {"sampler_name", "euler"},
                              {"steps", 3},
                              {"cfg", 1.0},
                              {"sampler_options", "prediction=v"}};
    NodeBench::Given by_name = plain, by_option = plain;
    by_name["scheduler"] = each.spacing;
    by_option["sampler_options"] = std::string(each.option) + ",prediction=v";
    const at::Tensor latent = sampled(by_name);
    EXPECT_TRUE(at::equal(latent, sampled(by_option))) << each.spacing;
    EXPECT_GT(models::max_error(latent, sampled(plain)), 1e-3) << each.spacing;
  }
  EXPECT_THAT(
      refusal({{"sampler_name", "euler"}, {"scheduler", "karras"}, {"sampler_options", "karras=false"}}),
      HasSubstr("'karras' is given twice; keep one of them"));
}

TEST_F(KSamplerTest, WithoutGuidanceTheNegativePromptDoesNotCount) {
  for (const double cfg : {0.0, 1.0}) {
    const at::Tensor plain = sampled({{"cfg", cfg}});
    EXPECT_TRUE(at::equal(plain, by_hand("", 1, 3)));
    EXPECT_TRUE(at::equal(plain, sampled({{"cfg", cfg}, {"negative", prompt("snow at night")}})));
    EXPECT_TRUE(
        at::equal(plain, sampled({{"cfg", cfg}, {"negative", PromptContext{at::zeros({1, 5, 24})}}})));
  }
  EXPECT_GT(models::max_error(sampled(), sampled({{"negative", prompt("snow at night")}})), 1e-4);
}

TEST_F(KSamplerTest, NoiseFromFilesTakesTheSeedsPlace) {
  guidance::SeededNoise noise(3);
  const std::string start = noise_file("latents", noise.draw(kShape));
  const std::string steps =
      noise_file("noise", at::stack({noise.draw(kShape), noise.draw(kShape), noise.draw(kShape)}));
  const NodeBench::Given ancestral = {{"sampler_name", "euler_ancestral"}, {"steps", 3}};
  NodeBench::Given from_files = ancestral;
  from_files["seed"] = 99, from_files["initial_noise"] = start, from_files["step_noise"] = steps;
  EXPECT_TRUE(at::equal(sampled(ancestral), sampled(from_files)));
  from_files["step_noise"] = std::string();
  EXPECT_GT(models::max_error(sampled(ancestral), sampled(from_files)), 1e-3) << "drawn from the seed";
}

TEST_F(KSamplerTest, ABatchIsItsVideos) {
  const at::Tensor noise = waves({2, 4, 3, 4, 6});
  const at::Tensor both =
      sampled({{"latent_image", size(12, 8, 2)}, {"initial_noise", noise_file("latents", noise)}});
  ASSERT_EQ(both.size(0), 2);
  for (int64_t row = 0; row < 2; ++row) {
    const at::Tensor one = sampled({{"initial_noise", noise_file("latents", noise.narrow(0, row, 1))}});
    EXPECT_TRUE(close(both.narrow(0, row, 1), one, 1e-4, 1e-4)) << row;
  }
}

TEST_F(KSamplerTest, APlainPromptIsTheSameAtEachFrame) {
  const at::Tensor plain = sampled();
  EXPECT_TRUE(close(sampled({{"positive", schedule("0:a fox")}}), plain, 1e-4, 1e-4));
  EXPECT_TRUE(close(sampled({{"negative", schedule("0:blurry")}}), plain, 1e-4, 1e-4));
  EXPECT_GT(models::max_error(sampled({{"positive", schedule("0:a fox\n2:snow")}}), plain), 1e-4);
}

TEST_F(KSamplerTest, ANeutralEditChangesNoBitAndIsReported) {
  ModelHandle model = tiny_network(bench_);
  model.edits = {bench_.context.edits->parse("scale:factor=1")};
  const at::Tensor plain = sampled();
  EXPECT_THAT(bench_.report.edits, IsEmpty());
  EXPECT_TRUE(at::equal(sampled({{"model", model}}), plain));
  EXPECT_EQ(bench_.report.edits.size(), 1U);
  EXPECT_THAT(bench_.run_report.warnings, IsEmpty());
  model.edits = {bench_.context.edits->parse("scale:factor=3")};
  EXPECT_GT(models::max_error(sampled({{"model", model}}), plain), 1e-4);
}

TEST_F(KSamplerTest, WarnsOfAnEditThatFindsNoLayer) {
  ModelHandle model = tiny_network(bench_);
  model.edits = {bench_.context.edits->parse("scale:factor=3@layer=nowhere.*")};
  EXPECT_TRUE(at::equal(sampled({{"model", model}}), sampled()));
  EXPECT_THAT(
      bench_.run_report.warnings,
      ElementsAre(AllOf(StartsWith("node 7 (KSampler): [scale:factor=3@layer=nowhere.*] changes nothing: "),
                        HasSubstr("nowhere.*"), HasSubstr("--dry-run` lists the layers"))));
}

TEST_F(KSamplerTest, TellsTheNetworkTheFrameRateOfItsModel) {
  const std::string folder = models::golden_folder("lvdm/conditioned_on_fps");
  ModelHandle model = bench_.get<ModelHandle>("DiffusersLoader", {{"model_path", folder}});
  const PromptContext text{encoded(bench_, "a fox", {model.folder, {}, 0})};
  const int64_t side = 4 * model.folder->latent.factor;
  const auto sample = [&] {
    return sampled(
        {{"model", model}, {"positive", text}, {"negative", text}, {"latent_image", size(side, side)}});
  };
  const at::Tensor untold = sample();
  std::vector<models::Extent> told;
  auto other = std::make_shared<models::ModelFolder>(*model.folder);
  other->condition = [&](const models::Extent& video, models::Conditioning& condition) {
    told.push_back(video);
    condition.facts["fps"] = 8;
  };
  model.folder = other;
  EXPECT_GT(models::max_error(sample(), untold), 1e-3);
  EXPECT_THAT(told, ElementsAre(models::Extent{3, side, side})) << "once, of the whole video";
}

TEST_F(KSamplerTest, AVaeThatPacksFramesGivesShorterLatents) {
  const ModelHandle model =
      network_whose([](models::ModelFolder& folder) { folder.latent.frame_factor = 4; });
  const auto with_frames = [&](int64_t frames) {
    return NodeBench::Given{{"model", model}, {"latent_image", size(12, 8, 1, frames)}};
  };
  EXPECT_EQ(sampled(with_frames(5)).sizes(), at::IntArrayRef({1, 4, 2, 4, 6}));
  EXPECT_TRUE(at::equal(sampled(with_frames(9)), sampled()))
      << "three frames of the latent, as without packing";
  EXPECT_EQ(refusal(with_frames(8)),
            "[KSampler] the number of frames must be 4k + 1, got 8; the nearest are 5 and 9");
  EXPECT_EQ(refusal(with_frames(3)),
            "[KSampler] the number of frames must be 4k + 1, got 3; the nearest are 1 and 5");
}

TEST_F(KSamplerTest, EachLatentFrameIsPromptedAsTheLastFrameThatItStandsFor) {
  const ModelHandle model =
      network_whose([](models::ModelFolder& folder) { folder.latent.frame_factor = 4; });
  NodeBench::Given given = {{"model", model}, {"latent_image", size(12, 8, 1, 9)}};
  given["positive"] = schedule("0:a fox\n8:snow", 9);
  EXPECT_TRUE(at::equal(sampled(given), sampled({{"positive", schedule("0:a fox\n2:snow", 3)}})));
  given["positive"] = schedule("0:a fox\n2:snow", 3);
  EXPECT_EQ(refusal(given),
            "[KSampler] the prompt schedule has 3 frames, the latent 9; give both the same length");
}

TEST_F(KSamplerTest, ReportsSeedAndStepsAndLeavesTheSizeAsItWas) {
  const auto result = bench_.get<Latent>("KSampler", job({{"seed", -1}}));
  EXPECT_EQ(bench_.report.facts.at("seed"), "18446744073709551615") << "any 64 bits are a seed";
  EXPECT_EQ(bench_.report.facts.at("steps"), "2");
  EXPECT_EQ(result.width, 12);
  EXPECT_EQ(result.height, 8);
  EXPECT_EQ(result.frames, 3);
}

TEST_F(KSamplerTest, CountsItsStepsAndShowsTheMiddleFrame) {
  std::vector<int64_t> done;
  at::Tensor last;
  bench_.on_step([&](const Stepped& progress) {
    EXPECT_EQ(progress.all, 2);
    done.push_back(progress.done);
    if (progress.done == 2) last = progress.picture();
  });
  const auto latent = bench_.get<Latent>("KSampler", job());
  EXPECT_THAT(done, ElementsAre(0, 1, 2));
  bench_.context.listener = {};
  // DDIM ends on its estimate, so the last picture is the middle frame of the video.
  const auto images =
      bench_.get<Images>("VAEDecode", {{"samples", latent}, {"vae", VaeHandle{tiny_folder()}}});
  const auto video = bench_.get<media::Frames>("CreateVideo", {{"images", images}});
  ASSERT_EQ(last.sizes(), at::IntArrayRef({8, 12, 3}));
  EXPECT_LE(models::max_error(last, video.pixels[1]), 1) << "decoded alone, values may round otherwise";
  EXPECT_GT(models::max_error(last, video.pixels[0]), 1);
}

TEST_F(KSamplerTest, StopsBetweenTwoStepsWhenAsked) {
  std::atomic<bool> cancel = false;
  int64_t seen = 0;
  bench_.context.stop = &cancel;
  bench_.on_step([&](const Stepped& progress) {
    seen = progress.done;
    if (seen == 1) cancel = true;
  });
  EXPECT_THROW(sampled({{"steps", 5}}), Cancelled);
  EXPECT_EQ(seen, 1);
}

TEST_F(KSamplerTest, RefusesSizesThatAreNoWholeCells) {
  EXPECT_EQ(refusal({{"latent_image", size(13, 8)}}),
            "[KSampler] the width must be a multiple of 2, got 13; the nearest are 12 and 14");
  EXPECT_EQ(refusal({{"latent_image", size(12, 9)}}),
            "[KSampler] the height must be a multiple of 2, got 9; the nearest are 8 and 10");
  const ModelHandle coarse = network_whose([](models::ModelFolder& folder) { folder.latent.factor = 16; });
  EXPECT_THAT(refusal({{"model", coarse}, {"latent_image", size(12, 16)}}),
              HasSubstr("a multiple of 16, got 12; the nearest are 16 and 32"));
}

TEST_F(KSamplerTest, RefusesALatentWithContent) {
  Latent full = size();
  full.samples = at::zeros(kShape);
  EXPECT_EQ(refusal({{"latent_image", full}}),
            "[KSampler] it starts from an empty latent, got one with content; connect EmptyLatentVideo");
}

TEST_F(KSamplerTest, RefusesNoiseOfAnotherShape) {
  const std::string start = noise_file("latents", at::zeros({1, 4, 3, 6, 4}));
  EXPECT_EQ(
      refusal({{"initial_noise", start}}),
      "[" + start +
          "] 'latents' must have the shape [1, 4, 3, 4, 6], got [1, 4, 3, 6, 4]; check size and frames");
  const std::string steps = noise_file("noise", at::zeros({3, 1, 4, 3, 4, 6}));
  EXPECT_THAT(refusal({{"step_noise", steps}}),
              HasSubstr("'noise' must have the shape [2, 1, 4, 3, 4, 6], got [3, 1, 4, 3, 4, 6]"));
}

TEST_F(KSamplerTest, RefusesPromptsThatDoNotFitTheVideoOrEachOther) {
  EXPECT_EQ(refusal({{"positive", schedule("0:a fox", 4)}}),
            "[KSampler] the prompt schedule has 4 frames, the latent 3; give both the same length");
  EXPECT_EQ(refusal({{"negative", PromptContext{at::zeros({1, 5, 24})}}}),
            "[KSampler] positive and negative have contexts of different shapes, [1, 77, 24] and [1, 5, 24]; "
            "encode both with the same CLIP");
}

}  // namespace reel::pipeline::k_sampler_test
