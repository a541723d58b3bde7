// broadway and vstar on every family of UNets that they fit, and in graphs: the real program on tiny random
// models.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "models/files/safetensors.h"
#include "tests/support/command.h"

namespace reel::edited_models_test {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

struct Model {
  std::string name, folder;
};
void PrintTo(const Model& model, std::ostream* out) { *out << model.name; }

const std::string kGolden = REEL_GOLDEN;
const Model kAnimateDiff = {"AnimateDiff", kGolden + "/pipelines/merged_ddim"},
            kModelScope = {"ModelScope", kGolden + "/pipelines/text_to_video"},
            kLvdm = {"lvdm", kGolden + "/lvdm/conditioned_on_fps"};

at::Tensor latents(const TemporaryFolder& folder, const std::string& name) {
  return models::read_tensor((folder.path() / name).string(), "latents");
}

class EditedModel : public testing::TestWithParam<Model> {
 protected:
  /// Generates with edits; what the program reported. The latents are in NAME.safetensors.
  json generate(const std::string& name, const std::vector<std::string>& edits,
                const std::string& frames = "6") {
    std::vector<std::string> words = {"generate",
                                      "a fox",
                                      "--model",
                                      GetParam().folder,
                                      "--frames",
                                      frames,
                                      "--size",
                                      "32x32",
                                      "--steps",
                                      "4",
                                      "--seed",
                                      "5",
                                      "--dtype",
                                      "f32",
                                      "-o",
                                      name + ".mp4",
                                      "--save-tensors",
                                      name + ".safetensors",
                                      "-y",
                                      "--json"};
    for (const std::string& edit : edits) words.insert(words.end(), {"--edit", edit});
    const CommandResult result = reel_command(folder_, words);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.code == 0 ? json::parse(result.out) : json();
  }
  TemporaryFolder folder_;
};

TEST_P(EditedModel, RunsWithBroadwayAndVstarAloneAndTogether) {
  generate("plain", {});
  const at::Tensor plain = latents(folder_, "plain.safetensors");
  const std::vector<std::vector<std::string>> choices = {
      {"broadway"}, {"vstar:preset=64D1"}, {"broadway", "vstar:preset=64D1_32D8"}};
  for (const std::vector<std::string>& edits : choices) {
    const json report = generate("edited", edits);
    ASSERT_EQ(report["edits"].size(), edits.size());
    for (const json& edit : report["edits"]) {
      EXPECT_GT(edit["sites_matched"], 0) << edit;
      EXPECT_GT(edit["calls"], 0) << edit;
      EXPECT_EQ(edit["path"], "fused") << edit;
    }
    const double change = (latents(folder_, "edited.safetensors") - plain).abs().max().item<double>();
    EXPECT_GT(change, 1e-4) << edits[0];
    EXPECT_LT(change, 100) << edits[0];
  }
}

TEST_P(EditedModel, NeutralOptionsAreTheUneditedRunBitForBit) {
  generate("plain", {});
  generate("neutral", {"broadway:alpha=0,beta=1", "vstar:strength=0"});
  EXPECT_TRUE(at::equal(latents(folder_, "plain.safetensors"), latents(folder_, "neutral.safetensors")));
}

INSTANTIATE_TEST_SUITE_P(Families, EditedModel, testing::Values(kAnimateDiff, kModelScope, kLvdm),
                         [](const auto& info) { return info.param.name; });

class EditedTableFreeModel : public EditedModel {};

TEST_P(EditedTableFreeModel, MakesLongVideosInOnePass) {
  for (const char* frames : {"32", "48", "64"}) {
    const json report = generate("long", {"vstar:preset=64D1_32D8"}, frames);
    EXPECT_EQ(latents(folder_, "long.safetensors").size(2), std::stoi(frames));
    EXPECT_EQ(report["edits"][0]["path"], "fused");
  }
}

INSTANTIATE_TEST_SUITE_P(Families, EditedTableFreeModel, testing::Values(kModelScope, kLvdm),
                         [](const auto& info) { return info.param.name; });

TEST(EditedModelTest, AModelWithAFrameTableNamesItsLimit) {
  const TemporaryFolder folder;
  const CommandResult result = reel_command(folder, {"generate", "a fox", "--model", kAnimateDiff.folder,
                                                     "--frames", "64", "--edit", "vstar", "-o", "a.mp4"});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("--frames"), HasSubstr("1 to 32"), HasSubstr("64")));
}

class EditedGraph : public testing::Test {
 protected:
  CommandResult graph(std::vector<std::string> words) {
    words.insert(words.begin(), "graph");
    return reel_command(folder_, words);
  }
  void make(const std::string& model) {
    ASSERT_EQ(graph({"new", "generate", "-o", "g.json", "-y"}).code, 0);
    const CommandResult set = graph({"set", "g.json", "model.model_path=" + model, "sampler.steps=2",
                                     "latent.width=32", "latent.height=32", "latent.length=6"});
    ASSERT_EQ(set.code, 0) << set.err;
  }
  void add(std::vector<std::string> words) {
    words.insert(words.begin(), {"add", "g.json"});
    const CommandResult result = graph(words);
    ASSERT_EQ(result.code, 0) << result.err;
  }
  /// A LoRA of the tiny AnimateDiff model, large enough to be seen.
  std::string lora() {
    const std::string layer = "up_blocks.1.motion_modules.0.transformer_blocks.0.attn1.to_q",
                      unet = kAnimateDiff.folder + "/unet/diffusion_pytorch_model.safetensors";
    const at::Tensor weight = models::read_tensor(unet, layer + ".weight");
    at::manual_seed(1);
    const std::string file = (folder_.path() / "lora.safetensors").string();
    models::write_safetensors(file, {{"unet." + layer + ".lora_A.weight", at::randn({2, weight.size(1)})},
                                     {"unet." + layer + ".lora_B.weight", at::randn({weight.size(0), 2})}});
    return file;
  }
  TemporaryFolder folder_;
};

TEST_F(EditedGraph, EditNodesChainInAnyOrderWithEachOtherAndWithALora) {
  const std::vector<std::vector<std::string>> orders = {
      {"broadway", "vstar", "lora"}, {"lora", "vstar", "broadway"}, {"vstar", "lora", "broadway"}};
  std::vector<std::string> files;
  for (const auto& order : orders) {
    make(kAnimateDiff.folder);
    std::string source = "model:MODEL";
    for (const std::string& node : order) {
      if (node == "broadway") add({"BroadWay", "model=" + source, "--id", node});
      if (node == "vstar") add({"VSTAR", "model=" + source, "preset=64D1_32D8", "--id", node});
      if (node == "lora")
        add({"LoraLoader", "model=" + source, "clip=model:CLIP", "lora_name=" + lora(), "--id", node});
      source = node + ":MODEL";
    }
    ASSERT_EQ(graph({"connect", "g.json", source, "sampler.model"}).code, 0);
    ASSERT_EQ(graph({"set", "g.json", "write.path=" + order[0] + order[1] + ".y4m"}).code, 0);
    EXPECT_EQ(graph({"check", "g.json"}).code, 0);
    const CommandResult result = graph({"run", "g.json", "--json", "--dtype", "f32"});
    ASSERT_EQ(result.code, 0) << result.err;
    json edits;
    const json report = json::parse(result.out);
    for (const json& node : report["nodes"]) {
      if (node["id"] == "sampler") edits = node["edits"];
    }
    ASSERT_EQ(edits.size(), 2U) << report;
    for (const json& edit : edits) EXPECT_EQ(edit["path"], "fused") << edit;
    files.push_back(read_file(folder_ / (order[0] + order[1] + ".y4m")));
  }
  EXPECT_EQ(files[0], files[1]) << "the order of these edits does not matter";
  EXPECT_EQ(files[0], files[2]);
}

TEST_F(EditedGraph, CheckExplainsAnEditOnAModelThatItDoesNotFit) {
  make(kAnimateDiff.folder);
  add({"BroadWay", "model=model:MODEL", "selector=kind=joint", "--id", "edit"});
  ASSERT_EQ(graph({"connect", "g.json", "edit", "sampler.model"}).code, 0);
  const CommandResult result = graph({"check", "g.json"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, AllOf(HasSubstr("node edit (BroadWay)"), HasSubstr("kind=joint"),
                                HasSubstr("temporal"), HasSubstr("selector")));
  ASSERT_EQ(graph({"set", "g.json", "edit.selector="}).code, 0);
  EXPECT_EQ(graph({"check", "g.json"}).code, 0);
}

TEST_F(EditedGraph, CheckLooksAtTheFirstHundredOfVeryManyEdits) {
  make(kAnimateDiff.folder);
  json document = json::parse(read_file(folder_ / "g.json"));
  for (int i = 0; i < 300; ++i) {  // each on the model itself: they are no chain
    document["edit" + std::to_string(i)] = {
        {"class_type", "VSTAR"}, {"inputs", {{"model", {"model", 0}}, {"selector", "kind=joint"}}}};
  }
  std::ofstream((folder_.path() / "g.json").string()) << document.dump();
  const CommandResult result = graph({"check", "g.json", "--json"});
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(json::parse(result.out)["error"]["problems"].size(), 100U) << result.out.substr(0, 300);
  EXPECT_THAT(result.err, HasSubstr("of more than 100 edits the others were not looked at"));
}

TEST_F(EditedGraph, RunningOneThatDoesNotFitWarns) {
  const CommandResult result =
      reel_command(folder_, {"generate", "a fox", "--model", kAnimateDiff.folder, "--frames", "4", "--size",
                             "32x32", "--steps", "1", "--edit", "vstar@kind=joint", "-o", "a.mp4"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.err, AllOf(HasSubstr("vstar"), HasSubstr("changes nothing"), HasSubstr("kind=joint")));
}

TEST_F(EditedGraph, CheckNamesModelsThatAreNotHere) {
  make("no-such-model");
  add({"VSTAR", "model=model:MODEL", "--id", "edit"});
  ASSERT_EQ(graph({"connect", "g.json", "edit", "sampler.model"}).code, 0);
  const CommandResult result = graph({"check", "g.json"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, HasSubstr("no-such-model"));
}

}  // namespace reel::edited_models_test
