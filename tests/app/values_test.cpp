// Values that no option takes, on the real command line: usage, before any work, in the words of job lists.
#include <gmock/gmock.h>

#include "tests/support/command.h"

namespace reel::values_test {

using testing::AllOf;
using testing::HasSubstr;

TEST(ValuesTest, NumbersAreNotBent) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::vector<std::string>& words, const std::string& part) {
    const CommandResult result = reel_command(folder, words);
    EXPECT_EQ(result.code, 2) << words.back() << "\n" << result.err;
    EXPECT_THAT(result.err, HasSubstr(part)) << words.back();
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  };
  const std::string seed = "[command line] '--seed' must be an integer from 0 to 2^64-1, got ";
  for (const char* value : {"-1", "18446744073709551616", "1e3", "1.0", "0x10", "010", "+1", "1_000", "nan"})
    refused({"generate", "a", "--seed", value}, seed + value + "; leave it out for a random one");
  refused({"generate", "a", "--seed="}, "--seed: ");
  refused({"generate", "a", "--seed", ""}, seed + "''");
  refused({"generate", "a", "--seed", " 1"}, seed + "' 1'");
  for (const char* value : {"nan", "inf", "-inf", "1e999", "0x1p3", "+1", "1x", "-0.5", "101", "1,5"})
    refused({"generate", "a", "--guidance", value},
            std::string("'--guidance' must be a number from 0 to 100, got ") + value);
  for (const char* value : {"0", "1e3", "1_000", "0x10", "010", "4.0", "99999999999999999999", "-3"})
    refused({"generate", "a", "--steps", value},
            std::string("'--steps' must be an integer from 1 to 10000, got ") + value +
                "; see reel generate --help");
  refused({"generate", "a", "--clip-skip", "-3"}, "'--clip-skip' must be an integer from 0 to 23, got -3");
  refused({"generate", "a", "--compare=yes"}, "'--compare' must be true or false, got yes");
  refused({"generate", "a", "--threads", "-1"}, "'--threads' must be an integer from 0 to 1024");
  refused({"inspect", "a", "--budget-mb", "1e3"}, "'--budget-mb' must be an integer");
  refused({"inspect", "a", "--guidance", "nan"}, "'--guidance' must be a number");
  refused({"graph", "run", "g.json", "--cache-size", "-1"}, "'--cache-size' must be an integer from 1");
  refused({"graph", "run", "g.json", "--seed", "-1"}, "leave it out for those of the graph");
  refused({"eval", "world", "--two-fraction", "nan"}, "'--two-fraction' must be a number from 0 to 1");
  refused({"eval", "synopsis", "--stages", "0x4"}, "'--stages' must be an integer from 2 to 64");
  refused({"eval", "sweep", "--edit", "scale:factor=1|2", "--seeds", "1.0"}, "'--seeds' must be an integer");
  refused({"generate", "a", "--prompt-blend", "hodl"},
          "must be linear or hold, got hodl; did you mean 'hold'?");
}

// `--scheduler "$UNSET"`: an empty text would pass for an option that was not given.
TEST(ValuesTest, NoOptionTakesAnEmptyText) {
  const TemporaryFolder folder;
  const auto refused = [&](std::vector<std::string> words, const std::string& name) {
    const CommandResult result = reel_command(folder, words);
    EXPECT_EQ(result.code, 2) << name << "\n" << result.err;
    EXPECT_THAT(result.err, AllOf(HasSubstr("'" + name + "' must be "), HasSubstr(", got ''"))) << name;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << name;
  };
  for (const char* name : {"--output",         "--output-dir", "--prompt-at",    "--synopsis",   "--size",
                           "--scheduler",      "--edit",       "--lora",         "--save-graph", "--codec",
                           "--init-latents",   "--step-noise", "--save-tensors", "--prompts",    "--model",
                           "--motion-adapter", "--device",     "--dtype",        "--models-dir", "--progress",
                           "--prompt-blend",   "--steps"})
    refused({"generate", "a", name, "", "--dry-run"}, name);
  refused({"generate", "a", "-o", ""}, "--output");
  refused({"generate", ""}, "prompt");
  refused({"edits", ""}, "name");
  refused({"replay", "a.mp4", "--file", ""}, "--file");
  refused({"models", "tokenize", "x", "--input", ""}, "--input");
  refused({"graph", "run", "g.json", "--cache-dir", ""}, "--cache-dir");
  refused({"graph", "new", "generate", "-o", ""}, "--output");
  refused({"eval", "sweep", "--edit", "scale:factor=1|2", "--plot", ""}, "--plot");
  EXPECT_THAT(reel_command(folder, {"generate", "a", "--negative", "", "--model", "nothing"}).err,
              HasSubstr("nothing"))
      << "no negative prompt is a negative prompt";
  std::ofstream(folder / "c.toml") << "steps = 3\nscheduler = \"\"\n";
  EXPECT_THAT(reel_command(folder, {"generate", "a", "--config", "c.toml"}).err,
              HasSubstr("[c.toml, line 2] 'scheduler' must be a text that is not empty, got ''"));
  std::ofstream(folder / "c.toml") << "edit = [\"\"]\n";
  EXPECT_THAT(reel_command(folder, {"generate", "a", "--config", "c.toml"}).err, HasSubstr("'edit' must be"));
  std::ofstream(folder / "jobs.txt") << "{\"prompt\": \"a\", \"size\": \"\"}\n";
  EXPECT_THAT(reel_command(folder, {"generate", "--prompts", "jobs.txt"}).err,
              HasSubstr("'size' must be a text that is not empty, got \"\""));
}

TEST(ValuesTest, LayersThatATextEncoderLacksAreKnownBeforeTheWork) {
  const TemporaryFolder folder;
  const std::string model = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";
  const std::vector<std::string> job = {"generate",   "a",        "--model", model,    "--steps",
                                        "1",          "--frames", "2",       "--size", "32x16",
                                        "--progress", "json",     "-o",      "a.mp4",  "--clip-skip"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> words = job;
    words.insert(words.end(), more.begin(), more.end());
    return reel_command(folder, words);
  };
  for (const std::vector<std::string>& more : {std::vector<std::string>{"4"}, {"23"}, {"23", "--dry-run"}}) {
    const CommandResult result = with(more);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_THAT(result.err, AllOf(HasSubstr("has 3 layers"), HasSubstr("(clip skip 0 to 3)"),
                                  testing::Not(HasSubstr("KSampler"))))
        << more.front();
  }
  EXPECT_EQ(with({"24"}).code, 2) << "as the help says";
  EXPECT_EQ(with({"3", "--save-graph", "g.json"}).code, 0);
  ASSERT_EQ(
      reel_command(folder, {"graph", "set", "g.json", "clip_skip.stop_at_clip_layer=-5", "write.path=b.mp4"})
          .code,
      0);
  const CommandResult check = reel_command(folder, {"graph", "check", "g.json"});
  EXPECT_EQ(check.code, 3);
  EXPECT_THAT(check.err, HasSubstr("has 3 layers"));
}

// One value through each door: the same words after the place.
TEST(ValuesTest, EachPlaceRefusesInTheSameWords) {
  const TemporaryFolder folder;
  const std::string words = "must be an integer from 1 to 10000, got 0; see reel generate --help";
  std::ofstream(folder / "c.toml") << "steps = 0\n";
  std::ofstream(folder / "jobs.txt") << "{\"prompt\": \"a\", \"steps\": 0}\n";
  EXPECT_THAT(reel_command(folder, {"generate", "a", "--steps", "0"}).err, HasSubstr(words));
  EXPECT_THAT(reel_command(folder, {"generate", "a", "--config", "c.toml"}).err, HasSubstr(words));
  EXPECT_THAT(reel_command(folder, {"generate", "--prompts", "jobs.txt"}).err, HasSubstr(words));
}

// Some editors write U+FEFF at the head of a text file.
TEST(ValuesTest, AByteOrderMarkIsNoPartOfAnyTextFile) {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  const auto mark = [&](const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::ofstream(path, std::ios::binary) << "\xEF\xBB\xBF" << text;
  };
  ASSERT_EQ(reel_command(folder, {"graph", "new", "generate", "-o", "g.json"}).code, 0);
  mark(folder.path() / "g.json");
  const CommandResult graph = reel_command(folder, {"graph", "check", "g.json"});
  EXPECT_EQ(graph.code, 0) << graph.err;
  fs::copy(std::string(REEL_GOLDEN) + "/pipelines/merged_ddim", folder.path() / "model",
           fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(folder.path() / "model")) {
    if (entry.path().extension() == ".json" || entry.path().extension() == ".txt") mark(entry.path());
  }
  const CommandResult model = reel_command(folder, {"models", "check", "model"});
  EXPECT_EQ(model.code, 0) << model.out << model.err;
  const CommandResult plain = reel_command(folder, {"models", "tokenize", "model"}, "a fox\n"),
                      marked = reel_command(folder, {"models", "tokenize", "model"},
                                            "\xEF\xBB\xBF"
                                            "a fox\n");
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(plain.out, marked.out);
  fs::copy(std::string(REEL_ASSETS_DIR) + "/world", folder.path() / "world", fs::copy_options::recursive);
  mark(folder.path() / "world" / "world.json");
  const CommandResult world =
      reel_command(folder, {"eval", "world", "--truth", "--prompts", "1", "--world", "world"});
  EXPECT_EQ(world.code, 0) << world.err;
}

TEST(ValuesTest, RepeatableOptionsTakeOneWordEach) {
  const TemporaryFolder folder;
  const CommandResult result = reel_command(
      folder, {"generate", "--models-dir", "somewhere", "a fox", "--edit", "[a,b]", "--dry-run"});
  EXPECT_THAT(result.err, HasSubstr("'[a,b]'")) << "brackets are part of the text, and the prompt is one";
}

}  // namespace reel::values_test
