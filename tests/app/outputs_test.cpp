// Who made an output, and what happens when several runs or the end of one come in between.
#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "app/session/own_outputs.h"
#include "models/files/part_file.h"
#include "pipeline/run/file_stamp.h"
#include "tests/support/child_process.h"
#include "tests/support/command.h"
#include "tests/support/long_tests.h"

namespace reel::outputs_test {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

/// Writes g.json: a job of a second that ends in the node `output`.
void make_graph(const TemporaryFolder& folder, const nlohmann::json& output) {
  const auto link = [](const char* node, int slot) { return nlohmann::json::array({node, slot}); };
  nlohmann::json graph = {
      {"1", {{"class_type", "DiffusersLoader"}, {"inputs", {{"model_path", kModel}}}}},
      {"2", {{"class_type", "CLIPTextEncode"}, {"inputs", {{"clip", link("1", 1)}, {"text", "a fox"}}}}},
      {"3",
       {{"class_type", "EmptyLatentVideo"},
        {"inputs", {{"width", 32}, {"height", 16}, {"length", 3}, {"batch_size", 1}}}}},
      {"4",
       {{"class_type", "KSampler"},
        {"inputs",
         {{"model", link("1", 0)},
          {"positive", link("2", 0)},
          {"negative", link("2", 0)},
          {"latent_image", link("3", 0)},
          {"steps", 1},
          {"seed", 1}}}}},
      {"5", {{"class_type", "VAEDecode"}, {"inputs", {{"samples", link("4", 0)}, {"vae", link("1", 2)}}}}},
      {"6", {{"class_type", "CreateVideo"}, {"inputs", {{"images", link("5", 0)}, {"fps", 8}}}}},
      {"7", output}};
  graph["7"]["inputs"]["video"] = link("6", 0);
  write_file(folder / "g.json", graph.dump());
}

std::vector<std::string> run_graph(const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"graph", "run", "g.json", "--cache-dir", "cache", "-q"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(SaveVideoRuns, FourAtOnceLoseNothing) {
  for (int round = 0; round < (long_tests() ? 25 : 1); ++round) {
    const TemporaryFolder folder;
    make_graph(folder, {{"class_type", "SaveVideo"}, {"inputs", {{"filename_prefix", "fox"}}}});
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int i = 0; i < 4; ++i)
      children.push_back(std::make_unique<ChildProcess>(folder, run_graph({"--no-cache"})));
    std::set<std::string> reported;
    for (auto& child : children) {
      const ChildResult result = child->wait();
      EXPECT_EQ(result.code, 0) << result.err;
      const std::string path = result.out.substr(0, result.out.find('\n'));
      EXPECT_TRUE(reported.insert(path).second) << path << " was reported twice";
      EXPECT_TRUE(fs::exists(folder / path)) << path;
    }
    EXPECT_THAT(names_in(folder.path() / "output"),
                ElementsAre("fox_00001_.mp4", "fox_00002_.mp4", "fox_00003_.mp4", "fox_00004_.mp4"));
  }
}

TEST(GenerateRuns, NamesThatAreMadeUpAreKeptForTheRunThatMadeThemUp) {
  for (int round = 0; round < (long_tests() ? 25 : 1); ++round) {
    const TemporaryFolder folder;
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(std::make_unique<ChildProcess>(
          folder, std::vector<std::string>{"generate", "a fox", "--model", kModel, "--frames", "2", "--size",
                                           "32x16", "--steps", "1", "-q"}));
    }
    std::set<std::string> reported;
    for (auto& child : children) {
      const ChildResult result = child->wait();
      EXPECT_EQ(result.code, 0) << result.err;
      reported.insert(result.out);
    }
    EXPECT_THAT(reported, ElementsAre("a-fox-2.mp4\n", "a-fox-3.mp4\n", "a-fox-4.mp4\n", "a-fox.mp4\n"));
    EXPECT_THAT(names_in(folder.path()),
                ElementsAre("a-fox-2.mp4", "a-fox-3.mp4", "a-fox-4.mp4", "a-fox.mp4"));
  }
}

TEST(SaveVideoRuns, PartsOfTheDeadGoWhateverTheirNumber) {
  const TemporaryFolder folder;
  make_graph(folder, {{"class_type", "SaveVideo"}, {"inputs", {{"filename_prefix", "fox"}}}});
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  waitpid(dead, nullptr, 0);
  const std::string end = "." + std::to_string(dead) + "-0.part";
  fs::create_directory(folder.path() / "output");
  for (const char* name : {".fox_00007_.mp4", ".fox_00001_.webm", ".fox_red_00001_.mp4", ".notes"})
    write_file(folder / ("output/" + (name + end)), "half");
  const CommandResult result = reel_command(folder, run_graph());
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(names_in(folder.path() / "output"),
              testing::UnorderedElementsAre("fox_00001_.mp4", ".fox_red_00001_.mp4" + end, ".notes" + end));
}

TEST(OwnOutputsTest, AFileCountsFromTheMomentBeforeItIsNamed) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.gif";
  write_file(path, "first");
  app::OwnOutputs(folder / "cache").add(path);
  EXPECT_TRUE(app::OwnOutputs(folder / "cache").contains(path));
  models::PartFile next(path, true);
  next.write("second", 6);
  const auto expect = [&](const std::vector<models::NamedPart>& parts) {
    app::OwnOutputs(folder / "cache").expect(path, pipeline::stamp_of_parts(path, parts));
    EXPECT_TRUE(app::OwnOutputs(folder / "cache").contains(path)) << "the old one is still there, and ours";
  };
  next.commit(expect);
  EXPECT_TRUE(app::OwnOutputs(folder / "cache").contains(path)) << "as after a kill before add()";
  write_file(path, "somebody else's");
  EXPECT_FALSE(app::OwnOutputs(folder / "cache").contains(path));
}

/// The program ended right after each of the calls that name, with the library reel_kill_at loaded first.
void run_killed(const TemporaryFolder& folder, const std::string& name, int call, bool& killed) {
  setenv("LD_PRELOAD", REEL_PROCESS_KILLER, 1);
  setenv("REEL_KILL_NAME", name.c_str(), 1);
  setenv("REEL_KILL_AFTER", std::to_string(call).c_str(), 1);
  setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 0);
  {
    ChildProcess child(folder, run_graph());
    for (const char* variable : {"LD_PRELOAD", "REEL_KILL_NAME", "REEL_KILL_AFTER"}) unsetenv(variable);
    const ChildResult result = child.wait();
    killed = result.code == 128 + SIGKILL;
    EXPECT_TRUE(killed || result.code == 0) << result.code << result.err;
  }
}

class KilledGraphRun : public testing::TestWithParam<const char*> {};

TEST_P(KilledGraphRun, IsNeverRefusedAfterwards) {
  const std::string path = GetParam();
  const bool sequence = path.find('%') != std::string::npos;
  const auto expect_done = [&](const TemporaryFolder& folder, int call) {
    const CommandResult again = reel_command(folder, run_graph());
    EXPECT_EQ(again.code, 0) << "killed after call " << call << ": " << again.err;
    std::vector<std::string> names = names_in(folder.path());
    std::erase_if(names, [](const std::string& name) { return name == "cache" || name == "g.json"; });
    if (sequence) {
      EXPECT_THAT(names, ElementsAre("fox_1.png", "fox_2.png", "fox_3.png"));
    } else {
      EXPECT_THAT(names, ElementsAre(path));
    }
  };
  const int stride = sequence && !long_tests() ? 6 : 1;
  int kills = 0;
  bool killed = true;
  for (int call = 1; killed; call += stride) {
    const TemporaryFolder folder;
    make_graph(folder, {{"class_type", "WriteVideo"}, {"inputs", {{"path", path}}}});
    run_killed(folder, "fox", call, killed);
    expect_done(folder, call);
    kills += killed;
    // The same over an output of its own, with another picture in it.
    nlohmann::json graph = nlohmann::json::parse(read_file(folder / "g.json"));
    graph["4"]["inputs"]["seed"] = 2;
    write_file(folder / "g.json", graph.dump());
    bool replacing = false;
    run_killed(folder, "fox", call, replacing);
    expect_done(folder, call);
    kills += replacing;
  }
  EXPECT_GE(kills, 3);
}

INSTANTIATE_TEST_SUITE_P(Formats, KilledGraphRun, testing::Values("fox.gif", "fox_%d.png"),
                         [](const auto& info) { return "Row" + std::to_string(info.index); });

TEST(GraphRunTest, WhatSomebodyElsePutThereIsStillRefused) {
  const TemporaryFolder folder;
  make_graph(folder, {{"class_type", "WriteVideo"}, {"inputs", {{"path", "fox.gif"}}}});
  ASSERT_EQ(reel_command(folder, run_graph()).code, 0);
  write_file(folder / "fox.gif", "mine");
  const CommandResult again = reel_command(folder, run_graph({"--set", "4.seed=3"}));
  EXPECT_EQ(again.code, 4);
  EXPECT_THAT(again.err, HasSubstr("exists already (fox.gif)"));
  EXPECT_EQ(read_file(folder / "fox.gif"), "mine");
}

TEST(SequenceRuns, ATargetThatCannotBeReplacedLeavesAllAsItWas) {
  const TemporaryFolder folder;
  std::vector<std::string> words = {"generate", "a fox",   "--model", kModel,   "--frames", "3",  "--size",
                                    "32x16",    "--steps", "1",       "--seed", "5",        "-o", "f_%d.png"};
  ASSERT_EQ(reel_command(folder, words).code, 0);
  const std::string first = read_file(folder / "f_1.png");
  fs::remove(folder.path() / "f_3.png");
  fs::create_directory(folder.path() / "f_3.png");
  words.insert(words.end(), {"-y", "--seed", "6"});
  const CommandResult refused = reel_command(folder, words);
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err, HasSubstr("f_3.png"));
  EXPECT_EQ(read_file(folder / "f_1.png"), first);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("f_1.png", "f_2.png", "f_3.png"));

  fs::remove(folder.path() / "f_3.png");
  words.insert(words.end(), {"--frames", "1"});
  ASSERT_EQ(reel_command(folder, words).code, 0);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("f_1.png")) << "no rest of the longer sequence";
  EXPECT_NE(read_file(folder / "f_1.png"), first);
}

}  // namespace reel::outputs_test
