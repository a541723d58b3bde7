// From options to a job and its graph, on a tiny random model of which only headers are read.
#include "pipeline/jobs/generate_job.h"

#include <gmock/gmock.h>

#include "pipeline/jobs/generate_graph.h"
#include "pipeline/jobs/recipe.h"
#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::generate_job_test {

using testing::HasSubstr;

class GenerateJobTest : public testing::Test {
 protected:
  GenerateJobTest() {
    attention::register_edits(edits_);
    guidance::register_schedulers(schedulers_);
    options_.prompt = "a fox", options_.output = folder_ / "a.y4m", options_.size = "32x16",
    options_.seed = 5;
  }
  GenerateJob resolved() const {
    return resolve_job(options_, {models::golden_folder("pipelines/merged_ddim"), "", {}},
                       {edits_, schedulers_});
  }
  std::string refusal() const {
    try {
      resolved();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "taken";
  }
  Input input(const std::string& node, const std::string& name) const {
    return build_graph(resolved()).find(node)->inputs.at(name);
  }

  TemporaryFolder folder_;
  attention::EditRegistry edits_;
  guidance::SchedulerRegistry schedulers_;
  GenerateOptions options_;
};

TEST_F(GenerateJobTest, FillsInWhatTheModelDecidesAndKeepsTheRest) {
  options_.steps = 3;
  const GenerateJob job = resolved();
  EXPECT_EQ(job.width, 32);
  EXPECT_EQ(job.height, 16);
  EXPECT_EQ(*job.options.steps, 3);
  EXPECT_EQ(*job.options.frames, job.model.defaults.num_frames);
  EXPECT_EQ(*job.options.fps, job.model.defaults.fps);
  EXPECT_EQ(*job.options.guidance, job.model.defaults.guidance_scale);
  EXPECT_EQ(*job.options.guidance_rescale, job.model.defaults.guidance_rescale);
  EXPECT_EQ(job.options.scheduler, "model");
  EXPECT_EQ(*job.options.seed, 5u);
  options_.seed = {};
  EXPECT_TRUE(resolved().options.seed.has_value()) << "one is drawn";
}

TEST_F(GenerateJobTest, BindsOptionsToTheNodesOfTheGraph) {
  options_.seed = UINT64_MAX, options_.scheduler = "ddim:eta=0.5", options_.frames = 4;
  options_.edits = {"scale:factor=1.5@kind=temporal"}, options_.clip_skip = 1, options_.overwrite = true;
  EXPECT_EQ(input("sampler", "seed"), Input{UINT64_MAX});
  EXPECT_EQ(input("sampler", "sampler_name"), Input{std::string("ddim")});
  EXPECT_EQ(input("sampler", "sampler_options"), Input{std::string("eta=0.5")});
  EXPECT_EQ(input("latent", "length"), Input{int64_t{4}});
  EXPECT_EQ(input("edit1", "factor"), Input{1.5});
  EXPECT_EQ(input("edit1", "selector"), Input{std::string("kind=temporal")});
  EXPECT_EQ(input("sampler", "model"), (Input{Link{"edit1", 0}}));
  EXPECT_EQ(input("clip_skip", "stop_at_clip_layer"), Input{int64_t{-2}});
  EXPECT_EQ(input("negative", "clip"), (Input{Link{"model", 1}})) << "only the prompt skips layers";
  EXPECT_EQ(input("write", "overwrite"), Input{true});
}

TEST_F(GenerateJobTest, APromptHoldsFromFrameZeroUnlessAKeyDoes) {
  options_.frames = 4, options_.prompt_keys = {"2:snow"};
  EXPECT_EQ(input("positive", "keys"), Input{std::string("0:a fox\n2:snow\n")});
  options_.prompt_keys = {"0:a dog", "2:snow"};
  EXPECT_EQ(input("positive", "keys"), Input{std::string("0:a dog\n2:snow\n")});
}

TEST_F(GenerateJobTest, ComparesWithTheSameJobWithoutEdits) {
  options_.compare = true, options_.edits = {"scale:factor=2"};
  const Graph graph = build_graph(resolved());
  EXPECT_EQ(graph.find("sampler_unedited")->inputs.at("model"), (Input{Link{"model", 0}}));
  EXPECT_EQ(graph.find("sampler_unedited")->inputs.at("seed"), graph.find("sampler")->inputs.at("seed"));
  EXPECT_EQ(graph.find("write_both")->inputs.at("path"), Input{folder_ / "a-side-by-side.y4m"});
}

TEST_F(GenerateJobTest, RefusesBeforeAModelIsLoaded) {
  const auto refused = [&](auto change) {
    const GenerateOptions before = options_;
    change(options_);
    const std::string text = refusal();
    options_ = before;
    return text;
  };
  using O = GenerateOptions;
  for (const char* size :
       {"32", "32x", "x16", " 32x16", "32x 16", "32x16 ", "+32x16", "032x16", "0x10x16", "32X16"}) {
    EXPECT_THAT(refused([&](O& o) { o.size = size; }), HasSubstr("must be WIDTHxHEIGHT in pixels, got '"))
        << size;
  }
  EXPECT_THAT(refused([](O& o) { o.size = "33x16"; }), HasSubstr("the nearest are 32 and 34"));
  EXPECT_THAT(refused([](O& o) { o.frames = 4000; }), HasSubstr("this model takes 1 to"));
  EXPECT_THAT(refused([](O& o) { o.frames = 4, o.prompt_keys = {"4:x"}; }), HasSubstr("frame 4 lies beyond"));
  EXPECT_THAT(refused([](O& o) { o.prompt_keys = {"x"}; }),
              HasSubstr("[--prompt-at] a prompt at a frame is written"));
  EXPECT_THAT(refused([](O& o) { o.preview = 0; }), HasSubstr("[--preview]"));
  EXPECT_THAT(refused([](O& o) { o.scheduler = "dimm"; }), HasSubstr("ddim"));
  EXPECT_THAT(refused([](O& o) { o.edits = {"scal"}; }), HasSubstr("did you mean 'scale'"));
  EXPECT_THAT(refused([](O& o) { o.loras = {"absent:0.5"}; }), HasSubstr("'absent' does not exist"));
  EXPECT_THAT(refused([](O& o) { o.compare = true, o.output = "noextension"; }), HasSubstr("noextension"));
}

TEST_F(GenerateJobTest, NamesWhatWouldChangeNothing) {
  EXPECT_THAT(resolved().unused, testing::IsEmpty());
  options_.guidance = 1, options_.negative = "snow", options_.guidance_rescale = 0.5,
  options_.prompt_blend = "hold";
  EXPECT_THAT(resolved().unused, testing::ElementsAre(HasSubstr("[--negative] changes nothing at guidance 1"),
                                                      HasSubstr("[--guidance-rescale] changes nothing"),
                                                      HasSubstr("[--prompt-blend] changes nothing")));
  options_.guidance = 3, options_.frames = 4, options_.prompt_keys = {"2:snow"};
  EXPECT_THAT(resolved().unused, testing::IsEmpty());
  options_.compare = true;
  EXPECT_THAT(refusal(), HasSubstr("[--compare] shows a video without and with edits, got no edit"));
}

TEST_F(GenerateJobTest, ARecipeStoresOptionsUnderTheirNames) {
  options_.frames = 4, options_.edits = {"scale"}, options_.steps = 2, options_.fps = 8,
  options_.guidance = 3;
  options_.guidance_rescale = 0;
  const std::string text = write_recipe(resolved(), {"cpu", "f32", "0123456789abcdef"});
  EXPECT_THAT(text,
              HasSubstr(R"("options":{"clip_skip":0,"device":"cpu","dtype":"f32","edit":["scale"],"fps":8.0,)"
                        R"("frames":4,"guidance":3.0,"guidance_rescale":0.0,"height":16,"lora":[],)"
                        R"("negative":"","prompt":"a fox","prompt_at":[],"prompt_blend":"linear",)"
                        R"("scheduler":"model","seed":5,"steps":2,"synopsis":[],"width":32})"));
  EXPECT_THAT(text, HasSubstr(R"("hash":"0123456789abcdef")"));
  const Recipe recipe = read_recipe(text, "test");
  EXPECT_EQ(recipe.version, REEL_VERSION);
  EXPECT_EQ(recipe.dtype, "f32");
  EXPECT_EQ(recipe.model_hash, "0123456789abcdef");
}

TEST(RecipeTest, MembersOfAnotherTypeAreRefused) {
  EXPECT_EQ(read_recipe("", "test").version, "?");
  EXPECT_EQ(read_recipe("{}", "test").dtype, "");
  const std::string deep(1000, '[');
  for (const std::string& text :
       {std::string("[]"), std::string("3"), std::string("{"), deep, std::string(R"({"reel": 3})"),
        std::string(R"({"options": 4})"), std::string(R"({"options": {"dtype": 16}})"),
        std::string(R"({"options": {"dtype": "f64"}})"), std::string(R"({"files": {"a": 1}})"),
        std::string(R"({"reel": "1", "reel": "2"})")})
    EXPECT_THROW(read_recipe(text, "test"), std::runtime_error) << text.substr(0, 40);
}

}  // namespace reel::pipeline::generate_job_test
