// `reel graph`, end to end: the real program, real files, a tiny random model.
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/support/command.h"

namespace reel::graph_test {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace fs = std::filesystem;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

class GraphVerbTest : public testing::Test {
 protected:
  CommandResult graph(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), "graph");
    return reel_command(folder_, words, input);
  }
  /// A small job on the tiny model as g.json.
  void make_job() {
    ASSERT_EQ(graph({"new", "generate", "-o", "g.json"}).code, 0);
    const CommandResult set =
        graph({"set", "g.json", "model.model_path=" + kModel, "sampler.steps=3", "latent.width=32",
               "latent.height=16", "latent.length=4", "positive.text=a red fox"});
    ASSERT_EQ(set.code, 0) << set.err;
  }
  CommandResult run(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"run", "g.json", "--cache-dir", "cache"};
    words.insert(words.end(), more.begin(), more.end());
    return graph(words);
  }
  /// Ids of the nodes that ran.
  std::vector<std::string> ran(std::vector<std::string> more = {}) {
    more.push_back("--json");
    const CommandResult result = run(more);
    EXPECT_EQ(result.code, 0) << result.err;
    std::vector<std::string> ids;
    const json report = json::parse(result.out);
    for (const json& node : report["nodes"]) {
      if (!node["cached"]) ids.push_back(node["id"]);
    }
    return ids;
  }
  std::string file(const std::string& name) const { return read_file(folder_ / name); }
  TemporaryFolder folder_;
};

TEST_F(GraphVerbTest, TemplatesAreListedPrintedAndWritten) {
  EXPECT_THAT(graph({"new", "--list"}).out, AllOf(HasSubstr("generate\n"), HasSubstr("empty\n")));
  const CommandResult printed = graph({"new", "generate"});
  ASSERT_EQ(printed.code, 0) << printed.err;
  ASSERT_EQ(graph({"new", "generate", "-o", "g.json"}).code, 0);
  EXPECT_EQ(file("g.json"), printed.out);
  EXPECT_EQ(graph({"new", "generate", "-o", "g.json"}).code, 4) << "an existing file stays";
  EXPECT_EQ(graph({"new", "generate", "-o", "g.json", "-y"}).code, 0);
  const CommandResult typo = graph({"new", "genrate"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_THAT(typo.err, HasSubstr("did you mean 'generate'?"));
}

TEST_F(GraphVerbTest, TheBundledTemplatesAreSound) {
  std::stringstream names(graph({"new", "--list"}).out);
  for (std::string name; std::getline(names, name);) {
    if (name == "empty") continue;
    ASSERT_EQ(graph({"new", name, "-o", name + ".json"}).code, 0);
    const CommandResult check = graph({"check", name + ".json"});
    EXPECT_EQ(check.code, 0) << check.err;
    EXPECT_THAT(check.err, IsEmpty());
  }
}

TEST_F(GraphVerbTest, AGraphCanBeBuiltByCommandsAlone) {
  ASSERT_EQ(graph({"new", "empty", "-o", "g.json"}).code, 0);
  const auto add = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"add", "g.json"});
    const CommandResult result = graph(words);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  EXPECT_EQ(add({"DiffusersLoader", "model_path=" + kModel}), "1\n");
  EXPECT_EQ(add({"CLIPTextEncode", "clip=1", "text=a fox, red = fast"}), "2\n");
  EXPECT_EQ(add({"CLIPTextEncode", "--id", "negative", "clip=1", "text="}), "negative\n");
  EXPECT_EQ(add({"EmptyLatentVideo", "width=32", "height=16", "length=4"}), "3\n");
  EXPECT_EQ(add({"KSampler", "model=1", "positive=2", "negative=negative", "latent_image=3", "steps=2"}),
            "4\n");
  EXPECT_EQ(add({"VAEDecode", "samples=4", "vae=1:VAE"}), "5\n");
  EXPECT_EQ(add({"CreateVideo", "images=5", "fps=8"}), "6\n");
  EXPECT_EQ(add({"WriteVideo", "path=fox.mp4"}), "7\n");
  EXPECT_EQ(graph({"check", "g.json"}).code, 3) << "nothing is written yet";
  EXPECT_EQ(graph({"connect", "g.json", "6", "7.video"}).code, 0);
  EXPECT_EQ(graph({"check", "g.json"}).code, 0);
  const CommandResult result = run();
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "fox.mp4\n");
  EXPECT_TRUE(fs::exists(folder_ / "fox.mp4"));
}

TEST_F(GraphVerbTest, EditsChangeTheFileInPlaceByOneLine) {
  make_job();
  const std::string before = file("g.json");
  ASSERT_EQ(graph({"set", "g.json", "sampler.steps=7"}).code, 0);
  std::string expected = before;
  expected.replace(expected.find("\"steps\": 3"), 10, "\"steps\": 7");
  EXPECT_EQ(file("g.json"), expected);
}

TEST_F(GraphVerbTest, AFailedEditLeavesTheFileAlone) {
  make_job();
  const std::string before = file("g.json");
  const CommandResult result = graph({"set", "g.json", "sampler.steps=5", "sampler.stpes=7"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("did you mean 'steps'?"));
  EXPECT_EQ(file("g.json"), before);
  EXPECT_EQ(graph({"set", "g.json", "sampler.steps"}).code, 2);
  EXPECT_EQ(graph({"set", "absent.json", "a.b=1"}).code, 4);
}

TEST_F(GraphVerbTest, StandardInputGoesToStandardOutput) {
  make_job();
  const CommandResult result = graph({"set", "-", "sampler.steps=9"}, file("g.json"));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["sampler"]["inputs"]["steps"], 9);
  const CommandResult added = graph({"add", "-", "CreateVideo", "images=decode"}, file("g.json"));
  EXPECT_TRUE(json::parse(added.out).contains("1")) << "stdout holds the graph alone";
  EXPECT_EQ(added.err, "1\n");
}

TEST_F(GraphVerbTest, RemovalSaysWhatBecomesUnconnected) {
  make_job();
  const CommandResult result = graph({"remove", "g.json", "decode"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "unconnected: video.images\n");
  EXPECT_EQ(graph({"remove", "g.json", "decode"}).code, 2);
}

TEST_F(GraphVerbTest, CheckPrintsEveryProblemAtOnce) {
  write_file(folder_ / "bad.json", R"({
    "1": {"class_type": "DiffusersLodaer", "inputs": {}},
    "3": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "steps": 0, "sampler_name": "eular", "positive": ["9", 0],
                                               "negative": ["4", 0], "latent_image": ["4", 0]}},
    "4": {"class_type": "EmptyLatentVideo", "inputs": {"width": "wide", "height": 16, "length": 4}}})");
  const CommandResult result = graph({"check", "bad.json"});
  EXPECT_EQ(result.code, 3);
  for (const char* part :
       {"bad.json", "did you mean 'DiffusersLoader'?", "input 'steps'", "nearest legal value is 1",
        "did you mean 'euler'?", "node '9', which is not there", "expected CONDITIONING, got LATENT",
        "input 'width'", "prompt_no_outputs"}) {
    EXPECT_THAT(result.err, HasSubstr(part));
  }
  const CommandResult as_json = graph({"check", "bad.json", "--json"});
  EXPECT_EQ(as_json.code, 3);
  EXPECT_EQ(json::parse(as_json.out)["error"]["problems"].size(), 7u);
}

TEST_F(GraphVerbTest, CheckWarnsOfUndeclaredInputsButAcceptsThem) {
  make_job();
  json exported = json::parse(file("g.json"));
  exported["sampler"]["inputs"]["control_after_generate"] = "fixed";
  write_file(folder_ / "g.json", exported.dump(2));
  const CommandResult result = graph({"check", "g.json"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.err, AllOf(HasSubstr("warning"), HasSubstr("control_after_generate")));
}

TEST_F(GraphVerbTest, FilesThatAreNoGraphAreRefused) {
  write_file(folder_ / "ui.json",
             R"({"last_node_id": 2, "nodes": [{"id": 1}], "links": [], "version": 0.4})");
  const CommandResult ui = graph({"check", "ui.json"});
  EXPECT_EQ(ui.code, 3);
  EXPECT_THAT(ui.err, HasSubstr("Workflow > Export (API)"));
  write_file(folder_ / "cut.json", R"({"1": {"class_type": )");
  EXPECT_EQ(graph({"run", "cut.json"}).code, 3);
}

TEST_F(GraphVerbTest, ShowDrawsThreeWays) {
  make_job();
  EXPECT_THAT(graph({"show", "g.json"}).out,
              AllOf(HasSubstr("KSampler"), HasSubstr("samples <- sampler"), HasSubstr("a red fox")));
  EXPECT_THAT(graph({"show", "g.json", "--dot"}).out, HasSubstr("digraph"));
  EXPECT_THAT(graph({"show", "g.json", "--svg"}).out, HasSubstr("<svg"));
  EXPECT_EQ(graph({"show", "g.json", "--svg", "--dot"}).code, 2);
}

TEST_F(GraphVerbTest, DiffComparesByMeaning) {
  make_job();
  write_file(folder_ / "h.json", json::parse(file("g.json")).dump());  // sorted, on one line
  EXPECT_EQ(graph({"diff", "g.json", "h.json", "--exit-code"}).out, "");
  ASSERT_EQ(graph({"set", "h.json", "sampler.steps=9"}).code, 0);
  const CommandResult result = graph({"diff", "g.json", "h.json"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "sampler.steps: 3 -> 9\n");
  EXPECT_EQ(graph({"diff", "g.json", "h.json", "--exit-code"}).code, 1);
}

TEST_F(GraphVerbTest, ASecondRunExecutesOnlyWhatLiesDownstreamOfAChange) {
  make_job();
  EXPECT_EQ(ran().size(), 8u);
  EXPECT_THAT(ran(), IsEmpty());
  ASSERT_EQ(graph({"set", "g.json", "sampler.steps=2"}).code, 0);
  EXPECT_THAT(ran(), ElementsAre("sampler", "decode", "video", "write"));
  EXPECT_THAT(ran({"--set", "video.fps=4"}), ElementsAre("video", "write"));
  EXPECT_THAT(ran({"--seed", "18446744073709551615"}), ElementsAre("sampler", "decode", "video", "write"));
  fs::remove(folder_ / "reel.mp4");
  EXPECT_THAT(ran({"--set", "video.fps=4"}), ElementsAre("write")) << "the video is gone, its frames are not";
  EXPECT_EQ(ran({"--no-cache", "-y"}).size(), 8u);
}

TEST_F(GraphVerbTest, FilesOfOthersAreNotReplacedWithoutBeingAsked) {
  make_job();
  write_file(folder_ / "reel.mp4", "mine");
  EXPECT_EQ(run().code, 4);
  EXPECT_EQ(file("reel.mp4"), "mine");
  EXPECT_EQ(run({"-y"}).code, 0);
  EXPECT_NE(file("reel.mp4"), "mine");
  write_file(folder_ / "reel.mp4", "edited since");
  EXPECT_EQ(run({"--set", "sampler.steps=2"}).code, 4);
  EXPECT_EQ(file("reel.mp4"), "edited since");
}

TEST_F(GraphVerbTest, RunOnlyStopsAtTheNamedNode) {
  make_job();
  EXPECT_THAT(ran({"--only", "positive"}), ElementsAre("model", "positive"));
  EXPECT_FALSE(fs::exists(folder_ / "reel.mp4"));
  EXPECT_EQ(run({"--only", "nowhere"}).code, 2);
}

TEST_F(GraphVerbTest, WhatANodeRefusesIsAFaultOfTheGraph) {
  make_job();
  const CommandResult result = run({"--set", "latent.width=33"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, AllOf(HasSubstr("node sampler (KSampler)"), HasSubstr("got 33")));
  EXPECT_EQ(run({"--model", "other"}).code, 2) << "a graph names its models itself";
}

TEST_F(GraphVerbTest, WatchRunsAgainWhenTheFileChanges) {
  make_job();
  const std::string log = folder_ / "log";
  const std::string line = "cd " + shell_quoted(folder_.path().string()) + " && exec " +
                           shell_quoted(REEL_BINARY) +
                           " graph run g.json --watch --json --cache-dir cache >log 2>/dev/null & echo $!";
  FILE* pipe = popen(line.c_str(), "r");
  int pid = 0;
  ASSERT_EQ(std::fscanf(pipe, "%d", &pid), 1);
  const auto lines = [&] {
    std::vector<json> all;
    std::ifstream stream(log);
    for (std::string text; std::getline(stream, text) && !stream.eof();) all.push_back(json::parse(text));
    return all;
  };
  const auto wait_for = [&](size_t count) {
    for (int i = 0; i < 1200 && lines().size() < count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return lines().size() >= count;
  };
  EXPECT_TRUE(wait_for(1));
  EXPECT_EQ(graph({"set", "g.json", "video.fps=4"}).code, 0);
  EXPECT_TRUE(wait_for(2));
  write_file(folder_ / "g.json", "{ half a file");
  EXPECT_TRUE(wait_for(3)) << "a broken file is reported, not fatal";
  kill(pid, SIGINT);
  pclose(pipe);
  const auto all = lines();
  ASSERT_EQ(all.size(), 3u);
  std::vector<std::string> second;
  for (const json& node : all[1]["nodes"]) {
    if (!node["cached"]) second.push_back(node["id"]);
  }
  EXPECT_THAT(second, ElementsAre("video", "write"));
  EXPECT_TRUE(all[2].contains("error"));
}

}  // namespace reel::graph_test
