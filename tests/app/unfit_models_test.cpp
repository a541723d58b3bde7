// What cannot be as the user thinks is refused, or said before the work: models that are not what their folder says,
// models of pictures, selectors that match nothing, sizes far from what a model is made for.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/command.h"

namespace reel::unfit_models_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kTiny = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim",
                  kParts = std::string(REEL_GOLDEN) + "/pipelines/separate_folders",
                  kPictures = kParts + "/base", kAdapter = kParts + "/motion_adapter";

std::vector<std::string> generate(const std::string& model, std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"generate", "a red fox", "--model", model, "--size", "24x16", "--steps",
                                    "2",        "--seed",    "1",       "-o",  "a.y4m",  "-y",    "--frames"};
  if (more.empty() || more[0].starts_with("-")) more.insert(more.begin(), "4");
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

class UnfitModelTest : public testing::Test {
 protected:
  CommandResult reel(const std::vector<std::string>& words) { return reel_command(folder_, words); }
  /// A copy of the tiny model whose model_index.json says `value` of `key`; null: nothing.
  std::string with_index(const std::string& key, const json& value) {
    const fs::path model = folder_.path() / "model";
    fs::remove_all(model);
    fs::copy(kTiny, model, fs::copy_options::recursive);
    json index = json::parse(read_file((model / "model_index.json").string()));
    if (value.is_null())
      index.erase(key);
    else
      index[key] = value;
    fs::remove(model / "model_index.json");
    write_file((model / "model_index.json").string(), index.dump());
    return model.string();
  }
  /// A graph that generates with a model, after `change`.
  std::string graph_of(const std::string& model, const std::string& adapter, int64_t frames) {
    std::vector<std::string> words = generate(kParts + "/base", {"--motion-adapter", kAdapter});
    words.insert(words.end(), {"--dry-run", "--save-graph", "graph.json"});
    EXPECT_EQ(reel(words).code, 0);
    json graph = json::parse(read_file(folder_ / "graph.json"));
    for (auto& [id, node] : graph.items()) {
      if (node["class_type"] == "DiffusersLoader")
        node["inputs"]["model_path"] = model, node["inputs"]["motion_adapter"] = adapter;
      if (node["class_type"] == "EmptyLatentVideo") node["inputs"]["length"] = frames;
    }
    fs::remove(folder_.path() / "graph.json");
    write_file(folder_ / "graph.json", graph.dump());
    return "graph.json";
  }
  TemporaryFolder folder_;
};

TEST_F(UnfitModelTest, AFolderThatIsNotWhatItSaysIsRefusedByEveryVerb) {
  const std::vector<std::tuple<std::string, json, std::string>> cases = {
      {"_class_name", "StrangerPipeline", "StrangerPipeline"},
      {"vae", nullptr, "lists no vae"},
      {"text_encoder", {nullptr, nullptr}, "lists no text_encoder"},
      {"unet", {"diffusers", "StrangerModel"}, "StrangerModel"},
      {"scheduler", {"diffusers", "StrangerScheduler"}, "StrangerScheduler"},
      {"tokenizer", {"transformers", "T5Tokenizer"}, "T5Tokenizer"}};
  for (const auto& [key, value, message] : cases) {
    const std::string model = with_index(key, value);
    const CommandResult checked = reel({"models", "check", model}), made = reel(generate(model));
    EXPECT_EQ(checked.code, 4) << key;
    EXPECT_THAT(checked.out + checked.err, HasSubstr(message)) << key;
    EXPECT_EQ(made.code, 4) << key;
    EXPECT_THAT(made.err, HasSubstr(message)) << key;
    EXPECT_FALSE(fs::exists(folder_.path() / "a.y4m")) << key;
    const CommandResult graph = reel({"graph", "run", graph_of(model, "", 4)});
    EXPECT_EQ(graph.code, 4) << key;
    EXPECT_THAT(graph.err, HasSubstr(message)) << key;
    if (key == "scheduler") continue;  // known when sampling begins
    const CommandResult seen = reel({"graph", "check", "graph.json"});
    EXPECT_EQ(seen.code, 3) << key;
    EXPECT_THAT(seen.err, HasSubstr(message)) << key;
  }
  EXPECT_EQ(reel({"models", "check", kTiny}).code, 0);
}

TEST_F(UnfitModelTest, ModelsCheckListsAllProblemsOfTheFolder) {
  const std::string model = with_index("vae", nullptr);
  fs::remove_all(fs::path(model) / "tokenizer");
  const CommandResult result = reel({"models", "check", model, "--json"});
  EXPECT_EQ(result.code, 4);
  const json found = json::parse(result.out);
  EXPECT_EQ(found["ok"], false);
  EXPECT_EQ(found["problems"].size(), 2U) << found;
}

TEST_F(UnfitModelTest, AModelOfPicturesMakesNoVideo) {
  const CommandResult video = reel(generate(kPictures));
  EXPECT_EQ(video.code, 4);
  EXPECT_THAT(video.err, AllOf(HasSubstr("no motion modules"), HasSubstr("--motion-adapter")));
  EXPECT_EQ(reel(generate(kPictures, {"--dry-run"})).code, 4);
  EXPECT_EQ(reel(generate(kPictures, {"1"})).code, 0) << "a picture";
  EXPECT_EQ(reel(generate(kPictures, {"--motion-adapter", kAdapter})).code, 0);
  const CommandResult checked = reel({"models", "check", kPictures});
  EXPECT_EQ(checked.code, 0);
  EXPECT_THAT(checked.out, HasSubstr("--motion-adapter"));
}

TEST_F(UnfitModelTest, NorDoesItInAGraph) {
  const std::string graph = graph_of(kPictures, "", 4);
  const CommandResult checked = reel({"graph", "check", graph}), run = reel({"graph", "run", graph, "-y"});
  EXPECT_EQ(checked.code, 3);
  EXPECT_THAT(checked.err, AllOf(HasSubstr("model of pictures"), HasSubstr("motion_adapter")));
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("no motion modules"));
  EXPECT_EQ(reel({"graph", "check", graph_of(kPictures, "", 1)}).code, 0);
  EXPECT_EQ(reel({"graph", "check", graph_of(kPictures, kAdapter, 4)}).code, 0);
}

TEST_F(UnfitModelTest, EditsThatMatchNothingAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"tap@kind=causal", "sees nothing: expected a layer that `kind=causal` selects"},
      {"scale:factor=2@layer=nowhere.*", "changes nothing: expected a layer that `layer=nowhere.*` selects"},
      {"scale:factor=2@steps=5-9",
       "changes nothing: expected a step at which scale acts as `steps=5-9` selects"},
      {"scale:factor=2@rows=uncond", "changes nothing: expected unconditional rows"}};
  for (const auto& [edit, message] : cases) {
    for (const bool dry : {true, false}) {
      std::vector<std::string> words = generate(kTiny, {"--edit", edit, "--guidance", "1"});
      if (dry) words.push_back("--dry-run");
      const CommandResult result = reel(words);
      EXPECT_EQ(result.code, 0) << edit << result.err;
      EXPECT_THAT(result.err, HasSubstr(message)) << edit;
      words.push_back("--json");
      const json warnings = json::parse(reel(words).out)["warnings"];
      ASSERT_EQ(warnings.size(), 1U) << edit << warnings;
      EXPECT_THAT(warnings[0].get<std::string>(), HasSubstr(message));
    }
  }
  const CommandResult fits = reel(generate(kTiny, {"--edit", "scale:factor=2@rows=uncond", "--dry-run"}));
  EXPECT_THAT(fits.err, Not(HasSubstr("nothing")));
}

TEST_F(UnfitModelTest, AHeadThatALayerLacksIsRefusedBeforeTheWork) {
  const CommandResult result = reel(generate(kTiny, {"--edit", "scale:factor=2@heads=99"}));
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("99"));
}

TEST_F(UnfitModelTest, InspectRefusesASelectorThatSelectsNothing) {
  for (const auto& [where, message] : {std::pair{"kind=causal", "none among the model's"},
                                       {"layer=nowhere", "none among the model's"},
                                       {"steps=7", "none among the run's 2"}}) {
    const CommandResult result = reel({"inspect", "a fox", "--model", kTiny, "--size", "24x16", "--frames",
                                       "4", "--steps", "2", "--where", where, "-o", "maps.png"});
    EXPECT_EQ(result.code, 2) << where;
    EXPECT_THAT(result.err, AllOf(HasSubstr("[--where] '" + std::string(where) + "' selects nothing"),
                                  HasSubstr(message)));
    EXPECT_FALSE(fs::exists(folder_.path() / "maps.png"));
  }
}

TEST_F(UnfitModelTest, ASizeFarFromTheModelsOwnIsNamed) {
  const std::string message = "is far from the 16x16 that the model is made for";
  for (const auto& [size, far] :
       {std::pair{"16x16", false}, {"32x8", false}, {"36x16", true}, {"16x36", true}}) {
    for (const bool dry : {true, false}) {
      std::vector<std::string> words = generate(kTiny);
      *std::find(words.begin(), words.end(), "24x16") = size;
      if (dry) words.push_back("--dry-run");
      const CommandResult result = reel(words);
      EXPECT_EQ(result.code, 0) << result.err;
      EXPECT_EQ(result.err.find(message) != std::string::npos, far) << size << "\n" << result.err;
    }
  }
}

TEST_F(UnfitModelTest, WhatOfAFolderHasNoEffectIsNamed) {
  const CommandResult unused =
      reel(generate(with_index("controlnet", {"diffusers", "ControlNetModel"}), {"--dry-run"}));
  EXPECT_EQ(unused.code, 0);
  EXPECT_THAT(unused.err, HasSubstr("has a controlnet (ControlNetModel), which has no effect"));
  const CommandResult other =
      reel(generate(with_index("scheduler", {"diffusers", "EulerDiscreteScheduler"})));
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_THAT(other.err, HasSubstr("EulerDiscreteScheduler by model_index.json and DDIMScheduler by"));
}

/// An observer moves no bit of a video, and records the same maps as before and behind other edits.
TEST_F(UnfitModelTest, FramesAreTheSameWithATap) {
  for (const std::string dtype : {"f32", "bf16"}) {
    for (const std::vector<std::string>& edits : {std::vector<std::string>{}, {"broadway:steps=0-100%"}}) {
      const auto frames = [&](bool before, bool after) {
        std::vector<std::string> words = generate(kTiny, {"--dtype", dtype});
        if (before) words.insert(words.end(), {"--edit", "tap@rows=cond heads=0"});
        for (const std::string& edit : edits) words.insert(words.end(), {"--edit", edit});
        if (after) words.insert(words.end(), {"--edit", "tap"});
        const CommandResult result = reel(words);
        EXPECT_EQ(result.code, 0) << result.err;
        return read_file(folder_ / "a.y4m");
      };
      const std::string plain = frames(false, false);
      EXPECT_EQ(frames(false, true), plain) << dtype;
      EXPECT_EQ(frames(true, true), plain) << dtype;
    }
  }
}

}  // namespace reel::unfit_models_test
