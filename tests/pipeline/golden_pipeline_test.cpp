// Whole pipelines, through the graph nodes, against diffusers' on tiny random folders.
#include <gtest/gtest.h>

#include "models/files/safetensors.h"
#include "tests/pipeline/engine_bench.h"
#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::golden_pipeline_test {

using nlohmann::json;
namespace fs = std::filesystem;

struct Case {
  std::string folder, run;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string& folder : models::golden_cases("pipelines")) {
    std::ifstream stream(models::golden_folder("pipelines/" + folder + "/runs.json"));
    const json runs = json::parse(stream);
    for (const auto& [run, settings] : runs.items()) cases.push_back({folder, run});
  }
  return cases;
}

void PrintTo(const Case& c, std::ostream* out) { *out << c.folder << " " << c.run; }

class PipelineGolden : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    bench_ = make_bench(at::kCPU);

    const std::string folder = "pipelines/" + GetParam().folder;
    std::ifstream stream(models::golden_folder(folder + "/runs.json"));
    settings_ = json::parse(stream)[GetParam().run];
    golden_ = std::make_unique<Golden>(folder + "/golden.safetensors");
    separate_ = fs::exists(models::golden_folder(folder + "/base"));
    model_ = models::golden_folder(separate_ ? folder + "/base" : folder);
    adapter_ = separate_ ? models::golden_folder(folder + "/motion_adapter") : "";
  }

  std::unique_ptr<EngineBench> make_bench(at::Device device) {
    return std::make_unique<EngineBench>(*plugins_, EngineOptions{.device = device, .dtype = at::kFloat});
  }

  at::Tensor golden(const std::string& name) const { return (*golden_)[GetParam().run + "/" + name]; }

  /// The sampler's name and options for the run's scheduler class.
  std::pair<std::string, std::string> sampler() const {
    const std::string name = settings_["scheduler"];
    std::string options;
    for (const auto& [key, value] : settings_["scheduler_overrides"].items()) {
      EXPECT_EQ(key, "use_karras_sigmas");
      options = value.get<bool>() ? "karras=true" : "";
    }
    if (settings_["eta"].get<double>() > 0) options = "eta=" + to_text(settings_["eta"].get<double>());
    for (const auto& entry : plugins_->schedulers) {
      const auto& classes = entry.diffusers_classes;
      if (std::find(classes.begin(), classes.end(), name) != classes.end()) return {entry.spec.name, options};
    }
    return {"", ""};
  }

  Graph graph() {
    const Link model{"model", 0};
    Link clip{"model", 1};
    const int64_t steps = settings_["num_inference_steps"];
    const auto [name, options] = sampler();
    const std::string noise = (folder_.path() / "noise.safetensors").string();
    std::map<std::string, at::Tensor> tensors = {{"latents", golden("latents")}};
    std::vector<at::Tensor> draws;
    for (int64_t i = 0; i < steps; ++i) {
      const std::string draw = GetParam().run + "/step_noise_" + std::to_string(i);
      draws.push_back(golden_->has(draw) ? (*golden_)[draw] : at::zeros_like(golden("latents")));
    }
    tensors["noise"] = at::stack(draws);
    models::write_safetensors(noise, tensors);

    Graph graph;
    graph.nodes.push_back(
        {"model", "DiffusersLoader", {{"model_path", model_}, {"motion_adapter", adapter_}}, ""});
    Link positive_clip = clip;
    if (!settings_["clip_skip"].is_null()) {
      graph.nodes.push_back(
          {"skip",
           "CLIPSetLastLayer",
           {{"clip", clip}, {"stop_at_clip_layer", -1 - settings_["clip_skip"].get<int64_t>()}},
           ""});
      positive_clip = {"skip", 0};
    }
    const std::string negative =
        settings_["negative_prompt"].is_null() ? "" : settings_["negative_prompt"].get<std::string>();
    graph.nodes.push_back({"positive",
                           "CLIPTextEncode",
                           {{"clip", positive_clip}, {"text", settings_["prompt"].get<std::string>()}},
                           ""});
    graph.nodes.push_back({"negative", "CLIPTextEncode", {{"clip", clip}, {"text", negative}}, ""});
    graph.nodes.push_back({"latent",
                           "EmptyLatentVideo",
                           {{"width", settings_["width"].get<int64_t>()},
                            {"height", settings_["height"].get<int64_t>()},
                            {"length", settings_["num_frames"].get<int64_t>()}},
                           ""});
    graph.nodes.push_back({"sampler",
                           "KSampler",
                           {{"model", model},
                            {"positive", Link{"positive", 0}},
                            {"negative", Link{"negative", 0}},
                            {"latent_image", Link{"latent", 0}},
                            {"steps", steps},
                            {"cfg", settings_["guidance_scale"].get<double>()},
                            {"sampler_name", name},
                            {"sampler_options", options},
                            {"initial_noise", noise},
                            {"step_noise", noise}},
                           ""});
    graph.nodes.push_back(
        {"decode", "VAEDecode", {{"samples", Link{"sampler", 0}}, {"vae", Link{"model", 2}}}, ""});
    return graph;
  }

  const std::unique_ptr<const Plugins> plugins_ = every_plugin();
  std::unique_ptr<EngineBench> bench_;
  json settings_;
  std::unique_ptr<Golden> golden_;
  bool separate_ = false;
  std::string model_, adapter_;
  TemporaryFolder folder_;
};

TEST_P(PipelineGolden, MakesTheLatentsAndFramesThatDiffusersMakes) {
  const std::vector<std::string> outputs = {"decode"};
  bench_->run(graph(), outputs);
  const at::Tensor embeds = std::get<PromptContext>(bench_->values("positive")->front()).context;
  EXPECT_LE(models::max_error(embeds, golden("expected_prompt_embeds")), 1e-4);
  const at::Tensor latents = std::get<Latent>(bench_->values("sampler")->front()).samples,
                   expected = golden("expected_final_latents");
  // Latents of random networks reach tens: the tolerance of 1e-4 is relative to their size there.
  const double size = std::max(1.0, expected.abs().max().item<double>() / 10);
  EXPECT_LE(models::max_error(latents, expected), 1e-4 * size);
  const at::Tensor frames = std::get<Images>(bench_->values("decode")->front()).pixels;
  EXPECT_LE(models::max_error(frames, golden("expected_frames")), 1e-3) << "frames in [0, 1]";
}

TEST_P(PipelineGolden, MakesTheSameLatentsOnCuda) {
  if (!at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  const auto on_cuda = make_bench(at::kCUDA);
  const std::vector<std::string> outputs = {"decode"};
  on_cuda->run(graph(), outputs);
  const at::Tensor latents = std::get<Latent>(on_cuda->values("sampler")->front()).samples.cpu(),
                   expected = golden("expected_final_latents");
  const double size = std::max(1.0, expected.abs().max().item<double>() / 10);
  EXPECT_LE(models::max_error(latents, expected), 1e-3 * size);
  const at::Tensor frames = std::get<Images>(on_cuda->values("decode")->front()).pixels.cpu();
  EXPECT_LE(models::max_error(frames, golden("expected_frames")), 3e-3) << "frames in [0, 1]";
}

INSTANTIATE_TEST_SUITE_P(Cases, PipelineGolden, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.folder + "_" + info.param.run; });

}  // namespace reel::pipeline::golden_pipeline_test
