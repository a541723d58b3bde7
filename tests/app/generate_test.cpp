// `reel generate` and its relatives, end to end: the real program, real files, a tiny random model. Long
// because each option of the command line is one short promise.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "models/files/safetensors.h"
#include "tests/support/command.h"
#include "tests/support/golden.h"

namespace reel::generate_test {

using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

class GenerateTest : public testing::Test {
 protected:
  /// A small job on the tiny model, with further words.
  CommandResult generate(const std::vector<std::string>& more, const std::string& input = "") {
    std::vector<std::string> words = {"generate", "--model", kModel, "--frames", "4", "--size",
                                      "32x16",    "--steps", "3",    "--seed",   "5"};
    words.insert(words.end(), more.begin(), more.end());
    return reel_command(folder_, words, input);
  }
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  json probe(const std::string& name) {
    const CommandResult result = run_command(folder_, {"ffprobe", "-v", "error", "-count_frames",
                                                       "-show_streams", "-show_format", "-of", "json", name});
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out);
  }
  TemporaryFolder folder_;
};

TEST_F(GenerateTest, WritesAPlayableMp4AndPrintsItsPath) {
  const CommandResult result = generate({"a red fox", "-o", "fox.mp4"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "fox.mp4\n");
  const json stream = probe("fox.mp4")["streams"][0];
  EXPECT_EQ(stream["codec_name"], "h264");
  EXPECT_EQ(stream["pix_fmt"], "yuv420p");
  EXPECT_EQ(stream["width"], 32);
  EXPECT_EQ(stream["height"], 16);
  EXPECT_EQ(stream["nb_read_frames"], "4");
}

TEST_F(GenerateTest, SaysWhichWordsTheBundledModelWasNotTrainedOn) {
  const auto warnings = [&](const std::string& prompt) {
    const CommandResult result =
        reel_command(folder_, {"generate", prompt, "--frames", "2", "--size", "32x32", "--steps", "1",
                               "--threads", "1", "-o", "a.mp4", "-y", "--json"});
    EXPECT_EQ(result.code, 0) << result.err;
    json of_words = json::array();
    for (const json& warning : json::parse(result.out).value("warnings", json::array())) {
      if (warning.get<std::string>().find("not trained on") != std::string::npos) of_words.push_back(warning);
    }
    return of_words;
  };
  const json strange = warnings("A fish and a dog driving over the sea");
  ASSERT_EQ(strange.size(), 1) << strange;
  EXPECT_THAT(strange[0].get<std::string>(), HasSubstr("not trained on 'fish', 'driving', 'over',"));
  EXPECT_EQ(warnings("A dolphin bouncing and an owl spinning on a pink wall"), json::array());
}

TEST_F(GenerateTest, MakesVideosWithTextToVideoFoldersToo) {
  const std::string model = std::string(REEL_GOLDEN) + "/pipelines/text_to_video";
  for (const char* verb : {"check", "info"}) {
    const CommandResult looked = reel_command(folder_, {"models", verb, model});
    EXPECT_EQ(looked.code, 0) << looked.err;
  }
  const CommandResult result =
      reel_command(folder_, {"generate", "--model", model, "--frames", "5", "--size", "36x20", "--steps", "2",
                             "--edit", "scale:factor=1.1@layer=up_blocks.*.temp_attentions.*", "--json",
                             "--prompt-at", "0:a fox", "--prompt-at", "4:a dog", "-o", "fox.mp4"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["edits"][0]["sites_matched"], 4) << "two attentions behind two resnets";
  const json stream = probe("fox.mp4")["streams"][0];
  EXPECT_EQ(stream["width"], 36);
  EXPECT_EQ(stream["height"], 20);
  EXPECT_EQ(stream["nb_read_frames"], "5");
}

TEST_F(GenerateTest, WritesWhatTheNameAsksFor) {
  for (const auto& [name, codec] : {std::pair{"a.webm", "vp9"}, {"a.gif", "gif"}, {"a.y4m", "rawvideo"}}) {
    ASSERT_EQ(generate({"a fox", "-o", name}).code, 0) << name;
    EXPECT_EQ(probe(name)["streams"][0]["codec_name"], codec);
  }
  ASSERT_EQ(generate({"a fox", "-o", "frame_%05d.png"}).code, 0);
  EXPECT_TRUE(fs::exists(path("frame_00001.png")));
  EXPECT_TRUE(fs::exists(path("frame_00004.png")));
  EXPECT_FALSE(fs::exists(path("frame_00005.png")));
}

TEST_F(GenerateTest, JsonTellsPathSeedOptionsSecondsAndMemory) {
  const CommandResult result = generate({"a fox", "-o", "a.mp4", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["path"], "a.mp4");
  EXPECT_EQ(document["seed"], 5);
  EXPECT_EQ(document["options"]["steps"], 3);
  for (const char* stage : {"load", "encode", "step_median", "decode", "write", "total"})
    EXPECT_GT(document["seconds"][stage].get<double>(), 0) << stage;
  EXPECT_GT(document["peak_bytes"]["host"].get<int64_t>(), 1 << 20);
  EXPECT_EQ(document["model"]["hash"].get<std::string>().size(), 16u);
}

TEST_F(GenerateTest, TheSameSeedGivesTheSameBitsAndAnotherSeedDoesNot) {
  ASSERT_EQ(generate({"a fox", "-o", "a.mp4", "--save-tensors", "a.safetensors"}).code, 0);
  ASSERT_EQ(generate({"a fox", "-o", "b.mp4", "--save-tensors", "b.safetensors"}).code, 0);
  ASSERT_EQ(generate({"a fox", "-o", "c.mp4", "--save-tensors", "c.safetensors", "--seed", "6"}).code, 0);
  const auto latents = [&](const char* file) { return models::read_tensor(path(file).string(), "latents"); };
  EXPECT_TRUE(at::equal(latents("a.safetensors"), latents("b.safetensors")));
  EXPECT_FALSE(at::equal(latents("a.safetensors"), latents("c.safetensors")));
}

TEST_F(GenerateTest, SavesTheTensorsThatDiffusersComputesFromGivenLatents) {
  const Golden golden("pipelines/merged_ddim/golden.safetensors");
  models::write_safetensors(path("start.safetensors").string(), {{"latents", golden["ddim/latents"]}});
  std::ifstream runs(kModel + "/runs.json");
  const json run = json::parse(runs)["ddim"];
  const CommandResult result = reel_command(folder_, {"generate",
                                                      run["prompt"],
                                                      "--negative",
                                                      run["negative_prompt"],
                                                      "--model",
                                                      kModel,
                                                      "--frames",
                                                      "4",
                                                      "--size",
                                                      "24x16",
                                                      "--steps",
                                                      "6",
                                                      "--guidance",
                                                      "7.5",
                                                      "--init-latents",
                                                      "start.safetensors",
                                                      "--save-tensors",
                                                      "t.safetensors",
                                                      "-o",
                                                      "a.mp4"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto error = [&](const char* name, const char* expected) {
    return (models::read_tensor(path("t.safetensors").string(), name) -
            golden[std::string("ddim/") + expected])
        .abs()
        .max()
        .item<double>();
  };
  EXPECT_LE(error("prompt_embeds", "expected_prompt_embeds"), 1e-4);
  EXPECT_LE(error("negative_prompt_embeds", "expected_negative_prompt_embeds"), 1e-4);
  EXPECT_LE(error("latents", "expected_final_latents"), 1e-3);
  EXPECT_LE(error("frames", "expected_frames"), 1e-3);
}

TEST_F(GenerateTest, DryRunListsSitesAndLoadsNothing) {
  const CommandResult result =
      generate({"a fox", "-o", "a.mp4", "--dry-run", "--json", "--edit", "scale:factor=1.5@kind=temporal",
                "--edit", "scale:factor=1.5@layer=nowhere"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_GT(document["edits"][0]["sites_matched"].get<int>(), 0);
  EXPECT_THAT(document["edits"][0]["sites"][0].get<std::string>(), HasSubstr("motion_modules"));
  EXPECT_EQ(document["edits"][1]["sites_matched"], 0);
  EXPECT_GT(document["memory"]["weights_bytes"].get<int64_t>(), 0);
  EXPECT_FALSE(fs::exists(path("a.mp4")));
}

TEST_F(GenerateTest, CompareWritesEditedUneditedAndBoth) {
  const CommandResult result =
      generate({"a fox", "-o", "x.mp4", "--compare", "--edit", "scale:factor=1.5@kind=temporal", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_GT(document["edits"][0]["calls"].get<int>(), 0);
  EXPECT_EQ(document["edits"][0]["path"], "fused");
  EXPECT_EQ(probe("x-side-by-side.mp4")["streams"][0]["width"], 64);
  EXPECT_TRUE(fs::exists(path("x-unedited.mp4")));
  ASSERT_EQ(generate({"a fox", "-o", "plain.mp4", "--save-tensors", "plain.safetensors"}).code, 0);
}

TEST_F(GenerateTest, APromptScheduleWithOneTextEqualsThePlainPrompt) {
  ASSERT_EQ(generate({"a fox", "-o", "a.mp4", "--save-tensors", "a.safetensors"}).code, 0);
  ASSERT_EQ(generate({"--prompt-at", "0:a fox", "--prompt-at", "3:a fox", "-o", "b.mp4", "--save-tensors",
                      "b.safetensors"})
                .code,
            0);
  ASSERT_EQ(generate({"--prompt-at", "0:a fox", "--prompt-at", "3:snow", "-o", "c.mp4", "--save-tensors",
                      "c.safetensors"})
                .code,
            0);
  const auto latents = [&](const char* file) { return models::read_tensor(path(file).string(), "latents"); };
  EXPECT_LE((latents("a.safetensors") - latents("b.safetensors")).abs().max().item<double>(), 1e-3);
  EXPECT_GT((latents("a.safetensors") - latents("c.safetensors")).abs().max().item<double>(), 1e-3);
}

TEST_F(GenerateTest, RunsAListOfJobsAndGoesOnAfterABadOne) {
  const std::string jobs =
      "a fox\n{\"prompt\": \"snow\", \"seed\": 9, \"output\": \"own.mp4\"}\n\n{\"prompt\": \"bad\", "
      "\"frames\": 4000}\n";
  const CommandResult result = generate({"--prompts", "-", "-o", "job.mp4", "--json"}, jobs);
  EXPECT_EQ(result.code, 1) << "some items failed";
  EXPECT_TRUE(fs::exists(path("job-0001.mp4")));
  EXPECT_TRUE(fs::exists(path("own.mp4")));
  EXPECT_FALSE(fs::exists(path("job-0003.mp4")));
  std::stringstream lines(result.out);
  std::vector<json> documents;
  for (std::string line; std::getline(lines, line);) documents.push_back(json::parse(line));
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[1]["seed"], 9);
  EXPECT_THAT(documents[2]["error"]["message"].get<std::string>(), HasSubstr("frames"));
}

TEST_F(GenerateTest, ReplayMakesTheSameFramesAgain) {
  for (const char* name : {"a.mp4", "a.webm"}) {
    ASSERT_EQ(generate({"a fox", "-o", name, "--edit", "scale:factor=1.5@kind=temporal"}).code, 0);
    const CommandResult result = reel_command(folder_, {"replay", name, "--json", "--model", kModel});
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_TRUE(json::parse(result.out)["same_frames"].get<bool>());
  }
  ASSERT_EQ(generate({"a fox", "-o", "bare.mp4", "--no-recipe"}).code, 0);
  EXPECT_EQ(reel_command(folder_, {"replay", "bare.mp4"}).code, 4);
}

TEST_F(GenerateTest, AnExistingFileIsKeptUnlessToldOtherwise) {
  std::ofstream(path("a.mp4")) << "precious";
  const CommandResult result = generate({"a fox", "-o", "a.mp4"});
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(result.err, HasSubstr("a.mp4"));
  EXPECT_EQ(fs::file_size(path("a.mp4")), 8u);
  EXPECT_EQ(generate({"a fox", "-o", "a.mp4", "-y"}).code, 0);
  EXPECT_GT(fs::file_size(path("a.mp4")), 100u);
}

struct Refusal {
  std::string name;
  std::vector<std::string> words;
  int code;
  std::string message;
};

void PrintTo(const Refusal& refusal, std::ostream* stream) { *stream << refusal.name; }

class GenerateRefuses : public GenerateTest, public testing::WithParamInterface<Refusal> {};

TEST_P(GenerateRefuses, WithOneClearErrorAndNoFile) {
  std::vector<std::string> words = GetParam().words;
  const CommandResult result = reel_command(folder_, words);
  EXPECT_EQ(result.code, GetParam().code) << result.err;
  EXPECT_THAT(result.err, HasSubstr(GetParam().message));
  EXPECT_TRUE(result.out.empty()) << result.out;
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, GenerateRefuses,
    testing::Values(
        Refusal{"NoPrompt", {"generate", "--model", kModel}, 2, "needs a prompt"},
        Refusal{"UnknownOption", {"generate", "fox", "--guidence", "3"}, 2, "did you mean '--guidance'"},
        Refusal{"UnknownOptionOfAVerbsVerb",
                {"graph", "run", "g.json", "--sed"},
                2,
                "See: reel graph run --help"},
        Refusal{"PromptOfOtherBytes", {"generate", "caf\xff", "--model", kModel}, 2, "must be UTF-8"},
        Refusal{"UnknownVerbOfAVerb",
                {"eval", "wrld"},
                2,
                "'wrld' is not known to 'reel eval'; did you mean 'world'"},
        Refusal{"UnknownVerb", {"generat", "fox"}, 2, "did you mean 'generate'"},
        Refusal{"UnknownModel",
                {"generate", "fox", "--model", "nothing-like-it"},
                4,
                "neither a folder nor an installed model"},
        Refusal{"UnknownEdit",
                {"generate", "fox", "--model", kModel, "--edit", "scal:factor=2"},
                2,
                "did you mean 'scale'"},
        Refusal{"UnknownScheduler", {"generate", "fox", "--model", kModel, "--scheduler", "dimm"}, 2, "ddim"},
        Refusal{"BadSize", {"generate", "fox", "--model", kModel, "--size", "big"}, 2, "WIDTHxHEIGHT"},
        Refusal{"SizeNoMultiple",
                {"generate", "fox", "--model", kModel, "--size", "33x16"},
                2,
                "the nearest are 32 and 34"},
        Refusal{"TooManyFrames",
                {"generate", "fox", "--model", kModel, "--frames", "400"},
                2,
                "this model takes 1 to"},
        Refusal{"FrameBeyondVideo",
                {"generate", "--model", kModel, "--frames", "4", "--prompt-at", "4:fox"},
                2,
                "beyond the video"},
        Refusal{"UnknownExtension", {"generate", "fox", "--model", kModel, "-o", "a.mp5"}, 2, "mp4"},
        Refusal{"AbsentFolder", {"generate", "fox", "--model", kModel, "-o", "absent/a.mp4"}, 4, "absent"},
        Refusal{"AbsentLora",
                {"generate", "fox", "--model", kModel, "--lora", "absent.safetensors"},
                4,
                "does not exist"},
        Refusal{"StepsOutOfRange", {"generate", "fox", "--model", kModel, "--steps", "0"}, 2, "--steps"},
        Refusal{"NoCuda", {"generate", "fox", "--model", kModel, "--device", "tpu"}, 2, "auto, cpu, cuda"}),
    [](const auto& info) { return info.param.name; });

TEST_F(GenerateTest, ErrorsAreJsonOnRequest) {
  const CommandResult result =
      reel_command(folder_, {"generate", "fox", "--model", kModel, "--frames", "400", "--json"});
  EXPECT_EQ(result.code, 2);
  const json error = json::parse(result.out)["error"];
  EXPECT_EQ(error["kind"], "usage");
  EXPECT_EQ(error["where"], "--frames");
}

}  // namespace reel::generate_test
