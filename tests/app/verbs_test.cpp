// The smaller verbs, end to end.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "models/files/safetensors.h"
#include "pipeline/media/video_reader.h"
#include "tests/support/command.h"
#include "tests/support/golden.h"

namespace reel::verbs_test {

using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModels = std::string(REEL_GOLDEN) + "/pipelines";
const std::string kModel = kModels + "/merged_ddim";

TEST(CommandLineTest, WordsBeforeTheVerbAreNamedForWhatTheyAre) {
  const TemporaryFolder folder;
  const auto says = [&](const std::vector<std::string>& words, const std::string& part) {
    const CommandResult result = reel_command(folder, words);
    EXPECT_EQ(result.code, 2) << part;
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_THAT(result.err, testing::Not(HasSubstr("nothing that it could change"))) << part;
  };
  const std::string early = " stands before the verb, and its words and options follow it: ";
  says({"--size", "64x64", "generate", "a"}, "'--size'" + early + "reel generate --size ...");
  says({"--seed=3", "generate", "a"}, "'--seed=3'" + early + "reel generate --seed=3 ...");
  says({"a fox", "generate"}, "'a fox'" + early + "reel generate a fox ...");
  says({"graph", "--output-dir", "x", "run", "g.json"},
       "'--output-dir'" + early + "reel graph run --output-dir ...");
  says({"--size", "64x64"}, "'--size' is an option of verbs, and follows one: reel generate --size");
  says({"graph", "--cache-size", "1"},
       "'--cache-size' is an option of verbs, and follows one: reel graph run --cache-size");
}

TEST(ModelsVerbTest, ListsWhatTheSearchPathHolds) {
  const TemporaryFolder folder;
  const CommandResult result = reel_command(folder, {"models", "list", "--models-dir", kModels, "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("merged_ddim"));
  EXPECT_EQ(reel_command(folder, {"models", "--models-dir", kModels}).code, 0) << "list is the default";
}

TEST(ModelsVerbTest, ListsFoldersThatHoldOneOriginalCheckpointToo) {
  const TemporaryFolder folder;
  const CommandResult result =
      reel_command(folder, {"models", "list", "--models-dir", std::string(REEL_GOLDEN) + "/lvdm"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("conditioned_on_fps  VideoCrafter2  "));
  EXPECT_THAT(result.out, HasSubstr("plain_half_stored  VideoCrafter2  "));
}

TEST(ModelsVerbTest, InfoCountsParametersAndMemory) {
  const TemporaryFolder folder;
  const CommandResult result = reel_command(folder, {"models", "info", kModel, "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["memory"]["f32"].get<int64_t>(), document["parameters"].get<int64_t>() * 4);
  EXPECT_EQ(document["components"]["denoiser"]["family"], "unet_motion");
}

TEST(ModelsVerbTest, CheckListsEveryProblemAtOnce) {
  const TemporaryFolder folder;
  EXPECT_EQ(reel_command(folder, {"models", "check", kModel}).code, 0);
  const fs::path copy = folder.path() / "broken";
  fs::copy(kModel, copy, fs::copy_options::recursive);
  const auto file = models::SafetensorsFile::open(kModel + "/unet/diffusion_pytorch_model.safetensors");
  std::map<std::string, at::Tensor> tensors;
  for (const auto& entry : file->tensors())
    tensors[entry.first] = models::SafetensorsFile::view(file, entry.first);
  tensors.erase("conv_in.bias");
  tensors["conv_out.bias"] = at::zeros({77});
  tensors["stranger.weight"] = at::zeros({1});
  models::write_safetensors((copy / "unet/diffusion_pytorch_model.safetensors").string(), tensors);
  const CommandResult result = reel_command(folder, {"models", "check", "broken", "--json"});
  EXPECT_EQ(result.code, 4);
  const json document = json::parse(result.out);
  EXPECT_EQ(document["problems"].size(), 3u);
  EXPECT_THAT(result.out, HasSubstr("missing: conv_in.bias"));
  EXPECT_THAT(result.out, HasSubstr("wrong shape: conv_out.bias"));
  EXPECT_THAT(result.out, HasSubstr("unexpected: stranger.weight"));
  EXPECT_EQ(reel_command(folder, {"generate", "fox", "--model", "broken", "-o", "a.mp4"}).code, 4);
  EXPECT_FALSE(fs::exists(folder.path() / "a.mp4"));
}

TEST(ModelsVerbTest, TokenizePrintsIdsPerLine) {
  const TemporaryFolder folder;
  std::ifstream stream(std::string(REEL_GOLDEN) + "/tokenizer/strings.json");
  const json strings = json::parse(stream);
  std::string input;
  std::vector<std::vector<int64_t>> expected;
  for (const auto& entry : strings) {
    if (expected.size() == 50) break;
    input += entry["text"].dump() + "\n";
    expected.push_back(entry["ids"].get<std::vector<int64_t>>());
  }
  const CommandResult result =
      reel_command(folder, {"models", "tokenize", std::string(REEL_GOLDEN) + "/tokenizer", "--json"}, input);
  ASSERT_EQ(result.code, 0) << result.err;
  std::stringstream lines(result.out);
  size_t i = 0;
  for (std::string line; std::getline(lines, line); ++i)
    EXPECT_EQ(json::parse(line).get<std::vector<int64_t>>(), expected[i]) << i;
  EXPECT_EQ(i, expected.size());
}

TEST(ModelsVerbTest, TokenizeReadsTokenizersOfLanguageModels) {
  const TemporaryFolder folder;
  for (const std::string kind : {"llama_prepend", "llama3", "sentencepiece_bpe"}) {
    const std::string golden = std::string(REEL_GOLDEN) + "/llama_tokenizers/";
    std::ifstream strings_file(golden + "strings.json"), rows_file(golden + kind + "/rows.json");
    const json strings = json::parse(strings_file), rows = json::parse(rows_file);
    std::string input, expected;
    for (size_t i = 0; i < 50; ++i) {
      input += strings[i].dump() + "\n";
      expected += rows[i]["ids"].dump() + "\n";
    }
    const CommandResult result = reel_command(folder, {"models", "tokenize", golden + kind, "--json"}, input);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, expected) << kind;
  }
}

TEST(ListVerbsTest, ShowDeclarationsAndNearestNames) {
  const TemporaryFolder folder;
  EXPECT_THAT(reel_command(folder, {"edits"}).out, HasSubstr("scale"));
  EXPECT_THAT(reel_command(folder, {"edits", "scale"}).out, HasSubstr("factor (float, default 1, 0 to 100)"));
  EXPECT_THAT(reel_command(folder, {"nodes", "KSampler"}).out, HasSubstr("latent_image"));
  EXPECT_THAT(reel_command(folder, {"schedulers"}).out, HasSubstr("ddim"));
  EXPECT_EQ(json::parse(reel_command(folder, {"edits", "scale", "--json"}).out)["options"][0]["name"],
            "factor");
  const CommandResult typo = reel_command(folder, {"nodes", "KSamper"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_THAT(typo.err, HasSubstr("did you mean 'KSampler'"));
}

TEST(InspectVerbTest, DrawsMapsAndWritesTensors) {
  const TemporaryFolder folder;
  const std::vector<std::string> base = {"inspect", "a fox", "--model", kModel, "--frames", "4",
                                         "--size",  "32x16", "--steps", "2",    "--seed",   "1"};
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return reel_command(folder, more);
  };
  const CommandResult tensors = run({"-o", "maps.safetensors", "--keep", "mean"});
  ASSERT_EQ(tensors.code, 0) << tensors.err;
  const auto file = models::SafetensorsFile::open((folder.path() / "maps.safetensors").string());
  for (const auto& [name, info] : file->tensors()) {
    EXPECT_THAT(name, HasSubstr("motion_modules"));
    const at::Tensor map = models::SafetensorsFile::view(file, name);
    EXPECT_EQ(map.size(-1), 4);
    EXPECT_LE((map.sum(-1) - 1).abs().max().item<double>(), 1e-5) << "rows of a map sum to one";
  }
  ASSERT_EQ(run({"-o", "maps.png"}).code, 0);
  EXPECT_GT(fs::file_size(folder.path() / "maps.png"), 100u);
  ASSERT_EQ(run({"-o", "maps.mp4"}).code, 0);
  EXPECT_EQ(run({"-o", "none.png", "--where", "layer=nowhere"}).code, 2);
  EXPECT_FALSE(fs::exists(folder.path() / "none.png"));
}

TEST(InspectVerbTest, ComparesMapsWithoutAndWithEdits) {
  const TemporaryFolder folder;
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"inspect", "a fox",  "--model",   kModel,    "--frames",
                                      "4",       "--size", "32x16",     "--steps", "2",
                                      "--seed",  "1",      "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return reel_command(folder, words);
  };
  const std::string edit = "scale:factor=3@kind=temporal";
  ASSERT_EQ(run({"--compare", "--edit", edit, "-o", "both.safetensors"}).code, 0);
  ASSERT_EQ(run({"--edit", edit, "-o", "edited.safetensors"}).code, 0);
  ASSERT_EQ(run({"-o", "unedited.safetensors"}).code, 0);
  const auto both = models::SafetensorsFile::open(folder / "both.safetensors");
  size_t compared = 0, different = 0;
  for (const char* half : {"edited", "unedited"}) {
    const auto alone = models::SafetensorsFile::open(folder / (half + std::string(".safetensors")));
    for (const auto& [name, info] : alone->tensors()) {
      const at::Tensor map = models::SafetensorsFile::view(both, half + std::string("/") + name);
      EXPECT_TRUE(at::equal(map, models::SafetensorsFile::view(alone, name))) << half << ": " << name;
      different += !at::equal(map, models::SafetensorsFile::view(both, "unedited/" + name));
      ++compared;
    }
  }
  EXPECT_EQ(compared, both->tensors().size());
  EXPECT_GT(different, 0u);

  const CommandResult drawn = run({"--compare", "--edit", edit, "-o", "both.png", "--sites", "2"});
  ASSERT_EQ(drawn.code, 0) << drawn.err;
  EXPECT_THAT(drawn.err, HasSubstr("of each pair without edits, then with them"));
  EXPECT_THAT(drawn.err, HasSubstr("further sites are not shown"));
  // One column of two sites, each a pair: two squares of 96 pixels with gaps of 2 and 6.
  const auto frames = media::VideoReader::open(folder / "both.png")->read(0, 1);
  EXPECT_EQ(frames.pixels.sizes(), (at::IntArrayRef{1, 2 * 102 + 6, 194 + 12, 3}));
  const json document =
      json::parse(run({"--compare", "--edit", edit, "-o", "c.png", "--sites", "2", "--json"}).out);
  EXPECT_EQ(document["sites"].size(), 2u);
  EXPECT_GT(document["sites_left_out"], 0);

  const CommandResult refused = run({"--compare", "-o", "d.png"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("add --edit"));
  for (const auto& entry : fs::directory_iterator(folder.path()))
    EXPECT_EQ(entry.path().string().find(".maps"), std::string::npos) << entry.path();
}

TEST(DoctorVerbTest, ReportsFormatsAndExitsByWhetherTheDefaultJobCanRun) {
  const TemporaryFolder folder;
  const CommandResult result = reel_command(folder, {"doctor", "--json"});
  const json document = json::parse(result.out);
  EXPECT_EQ(result.code == 0, document["ok"].get<bool>());
  EXPECT_THAT(result.out, HasSubstr("mp4"));
  EXPECT_THAT(result.out, HasSubstr("SentencePiece, PCRE2 10."));
}

TEST(HelpTest, EveryVerbHasHelpWithAnExample) {
  const TemporaryFolder folder;
  for (const char* verb : {"generate", "models", "edits", "nodes", "schedulers", "inspect", "replay"}) {
    const CommandResult result = reel_command(folder, {verb, "--help"});
    EXPECT_EQ(result.code, 0) << verb;
    EXPECT_THAT(result.out, HasSubstr("Example:")) << verb;
  }
  EXPECT_THAT(reel_command(folder, {"--version"}).out, HasSubstr("reel "));
}

}  // namespace reel::verbs_test
