// The cache on disk: what a second process finds.
#include <gmock/gmock.h>

#include "attention/plugin/edit_registry.h"
#include "pipeline/graph/graph_change.h"
#include "pipeline/run/disk_cache.h"
#include "pipeline/run/edit_nodes.h"
#include "pipeline/run/outcome_json.h"
#include "tests/pipeline/stub_nodes.h"

namespace reel::pipeline::engine_disk_test {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// An edit that changes nothing, with options of every type.
struct Dull : attention::Edit {
  struct Options {
    double alpha = 0.5;
    std::string words = "none";
  };
  explicit Dull(Options) {}
  attention::Hooks hooks() const override { return {}; }
};

class DiskCacheTest : public testing::Test {
 protected:
  StubNodes stubs;
  TemporaryFolder folder;
  attention::EditRegistry& edits = stubs.plugins.edits;
  Graph graph = video_graph(folder / "out.txt");
  std::string cache = folder / "cache";

  DiskCacheTest() {
    edits.add<Dull>("dull", "Dull", "Does nothing.", "")
        .param("alpha", &Dull::Options::alpha, "a number", Range{0, 1})
        .param("words", &Dull::Options::words, "a text")
        .where("kind=temporal");
    add_edit_nodes(stubs.registry, edits);
  }

  /// A run as a new process would do it.
  Report run(const Graph& what) {
    return EngineBench(stubs.plugins, {.cache_dir = cache, .disk_cache_bytes = budget}).run(what);
  }
  static std::vector<std::string> ran(const Report& report) {
    std::vector<std::string> ids;
    for (const NodeReport& node : report.nodes) {
      if (!node.cached) ids.push_back(node.id);
    }
    return ids;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(cache)) {
      if (entry.is_regular_file()) found.push_back(entry.path());
    }
    return found;
  }
  size_t budget = size_t{1} << 30;
};

TEST_F(DiskCacheTest, ASecondProcessExecutesNothing) {
  run(graph);
  EXPECT_EQ(files().size(), 5u);
  const Report report = run(graph);
  EXPECT_THAT(ran(report), IsEmpty());
  EXPECT_EQ(report.nodes.size(), 5u);
  EXPECT_EQ(report.find("5")->facts.at("path"), folder / "out.txt");
}

TEST_F(DiskCacheTest, ASecondProcessExecutesOnlyDescendantsOfTheChange) {
  run(graph);
  EXPECT_THAT(ran(run(set_input(stubs.registry, graph, "3.steps", "5"))), ElementsAre("3", "4", "5"));
  EXPECT_EQ(stubs.runs["Load"], 1) << "handles are kept too";
}

TEST_F(DiskCacheTest, ASinkRunsAgainWhenItsFileIsGone) {
  run(graph);
  fs::remove(folder / "out.txt");
  EXPECT_THAT(ran(run(graph)), ElementsAre("5"));
}

TEST_F(DiskCacheTest, KeepsModelsWithTheirEdits) {
  graph.nodes.push_back(
      {"6", "Dull", {{"model", Link{"1", 0}}, {"alpha", 0.25}, {"selector", "steps=0-20%"}}, ""});
  graph.find("3")->inputs["model"] = Link{"6", 0};
  run(graph);
  std::string rule, where;
  stubs.sampling = [&](const Inputs& inputs, RunContext&) {
    const auto& plan = inputs.get<ModelHandle>("model").edits;
    ASSERT_EQ(plan.size(), 1u);
    rule = plan[0].text, where = plan[0].where.text();
    EXPECT_NE(plan[0].make(), nullptr);
  };
  EXPECT_THAT(ran(run(set_input(stubs.registry, graph, "3.steps", "5"))), ElementsAre("3", "4", "5"));
  EXPECT_EQ(rule, "dull:alpha=0.25@steps=0-20%");
  EXPECT_EQ(where, "kind=temporal steps=0-20%");
}

TEST_F(DiskCacheTest, EditsThatTheirTextDoesNotRestoreAreNotKept) {
  graph.nodes.push_back({"6", "Dull", {{"model", Link{"1", 0}}, {"words", "a,b"}}, ""});
  graph.find("3")->inputs["model"] = Link{"6", 0};
  run(graph);
  EXPECT_THAT(ran(run(set_input(stubs.registry, graph, "3.steps", "5"))), ElementsAre("6", "3", "4", "5"));
}

TEST_F(DiskCacheTest, DamagedFilesAreReportedRemovedAndMadeAgain) {
  run(graph);
  const auto damage = [&](const std::function<void(const fs::path&)>& how) {
    fs::remove(folder / "out.txt");
    for (const fs::path& file : files()) how(file);
    const Report report = run(graph);
    EXPECT_EQ(ran(report).size(), 5u);
    EXPECT_EQ(report.warnings.size(), 5u);
    EXPECT_THAT(report.warnings.at(0), HasSubstr("is damaged"));
    fs::remove(folder / "out.txt");
    EXPECT_THAT(ran(run(graph)), ElementsAre("5")) << "whole again";
  };
  damage([](const fs::path& file) { fs::resize_file(file, fs::file_size(file) / 2); });
  damage([](const fs::path& file) { write_file(file, "nonsense"); });
  damage([](const fs::path& file) { fs::resize_file(file, 0); });
  damage([](const fs::path& file) {  // one bit of the last tensor, or else of the text
    std::string bytes = read_file(file);
    bytes[bytes.size() - 3] ^= 4;
    write_file(file, bytes);
  });
}

TEST_F(DiskCacheTest, TheOldestFilesGoWhenTheBudgetIsExceeded) {
  run(graph);
  size_t total = 0;
  for (const fs::path& file : files()) {
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(24));
    total += fs::file_size(file);
  }
  write_file(cache + "/results-1/mine.txt", "not of the cache");
  fs::last_write_time(cache + "/results-1/mine.txt",
                      fs::file_time_type::clock::now() - std::chrono::hours(48));
  const std::string half = cache + "/results-1/." + std::string(64, 'a') + ".safetensors.1-0.part";
  write_file(half, "what a killed process leaves");
  fs::last_write_time(half, fs::file_time_type::clock::now() - std::chrono::hours(48));
  budget = total + total / 2;
  run(video_graph(folder / "second.txt"));  // touches four of them and adds a fifth
  run(set_input(stubs.registry, graph, "2.text", "another prompt altogether"));
  size_t left = 0;
  for (const fs::path& file : files()) left += fs::file_size(file);
  EXPECT_LE(left, budget + 64);
  EXPECT_TRUE(fs::exists(cache + "/results-1/mine.txt"));
  EXPECT_FALSE(fs::exists(half));
  stubs.order.clear();
  run(set_input(stubs.registry, graph, "2.text", "another prompt altogether"));
  EXPECT_THAT(stubs.order, IsEmpty()) << "the newest stay";
}

TEST_F(DiskCacheTest, AFolderThatCannotBeWrittenIsAWarningOnly) {
  write_file(cache, "a file where the folder should be");
  const Report report = run(graph);
  EXPECT_EQ(ran(report).size(), 5u);
  ASSERT_EQ(report.warnings.size(), 1u) << "once, not for every node";
  EXPECT_THAT(report.warnings[0], HasSubstr("not kept on disk"));
}

TEST_F(DiskCacheTest, EveryKindOfValueComesBackEqual) {
  ModelHandle model;
  const std::string parts = models::golden_folder("pipelines/separate_folders");
  model.folder = models::opened(parts + "/base", parts + "/motion_adapter");
  model.loras = {{"l", 0.5}}, model.guiders = {"cfg:rescale=0.7"};
  model.edits = {edits.parse("dull:alpha=0.125@rows=cond")};
  Outcome outcome;
  outcome.values = {std::monostate{},
                    true,
                    int64_t{-5},
                    0.1,
                    INFINITY,
                    std::string("té\n\"x\""),
                    media::Frames{at::arange(24, at::kByte).view({2, 2, 2, 3}), 12.5},
                    Latent{at::randn({1, 4, 2, 3, 3}).to(at::kBFloat16), 1, 2, 24, 24},
                    Latent{{}, 1, 16, 64, 48},
                    PromptContext{at::randn({1, 3, 5}).transpose(1, 2)},
                    model,
                    ClipHandle{model.folder, {{"l", 1}}, 2},
                    VaeHandle{model.folder},
                    Images{at::rand({2, 4, 4, 3})}};
  outcome.facts = {{"seed", "7"}};
  outcome.edits = {{"dull", {"site"}, 3, "fused", {{"maps", 2}}}};
  outcome.written = {{"file", "stamp"}};
  const auto packed = pack(outcome, &edits);
  ASSERT_TRUE(packed.has_value());
  const Outcome again = unpack(*packed, &edits, at::kCPU);
  ASSERT_EQ(again.values.size(), outcome.values.size());
  for (size_t i = 0; i < outcome.values.size(); ++i)
    EXPECT_EQ(again.values[i].index(), outcome.values[i].index()) << i;
  const auto get = [&]<class T>(size_t i, T) { return std::get<T>(again.values[i]); };
  EXPECT_EQ(get(1, true), true);
  EXPECT_EQ(get(2, int64_t{}), -5);
  EXPECT_EQ(get(3, double{}), 0.1);
  EXPECT_EQ(get(4, double{}), INFINITY);
  EXPECT_EQ(get(5, std::string{}), "té\n\"x\"");
  EXPECT_TRUE(get(6, media::Frames{}).pixels.equal(std::get<media::Frames>(outcome.values[6]).pixels));
  EXPECT_EQ(get(6, media::Frames{}).fps, 12.5);
  EXPECT_TRUE(get(7, Latent{}).samples.equal(std::get<Latent>(outcome.values[7]).samples));
  EXPECT_EQ(get(7, Latent{}).samples.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(get(8, Latent{}).empty());
  EXPECT_EQ(get(8, Latent{}).height, 64);
  EXPECT_TRUE(get(9, PromptContext{}).context.equal(std::get<PromptContext>(outcome.values[9]).context));
  const auto model_again = get(10, ModelHandle{});
  EXPECT_EQ(model_again.edits.at(0).text, "dull:alpha=0.125@rows=cond");
  EXPECT_EQ(model_again.folder->path, parts + "/base");
  EXPECT_EQ(model_again.folder->motion_adapter, parts + "/motion_adapter");
  EXPECT_EQ(model_again.folder->scheduler.json(), model.folder->scheduler.json());
  EXPECT_EQ(model_again.loras.at(0).weight, 0.5);
  EXPECT_EQ(model_again.guiders, model.guiders);
  EXPECT_EQ(get(11, ClipHandle{}).clip_skip, 2);
  EXPECT_EQ(get(11, ClipHandle{}).folder, model_again.folder) << "opened once";
  EXPECT_EQ(get(12, VaeHandle{}).folder, model_again.folder);
  EXPECT_TRUE(get(13, Images{}).pixels.equal(std::get<Images>(outcome.values[13]).pixels));
  EXPECT_EQ(again.facts, outcome.facts);
  EXPECT_EQ(again.written, outcome.written);
  EXPECT_EQ(again.edits.at(0).facts, outcome.edits[0].facts);
  EXPECT_FALSE(pack(outcome, nullptr).has_value()) << "without a registry the edit could not come back";
}

TEST_F(DiskCacheTest, AHandleWhoseFolderHasChangedDoesNotComeBack) {
  const fs::path copy = folder.path() / "model";
  fs::copy(models::golden_folder("pipelines/merged_ddim"), copy, fs::copy_options::recursive);
  Outcome outcome;
  outcome.values = {VaeHandle{models::opened(copy.string())}};
  const auto packed = pack(outcome, &edits);
  ASSERT_TRUE(packed.has_value());
  EXPECT_NO_THROW(unpack(*packed, &edits, at::kCPU));
  write_file((copy / "generation_config.json").string(), R"({"num_frames": 4})");
  EXPECT_THROW(unpack(*packed, &edits, at::kCPU), std::runtime_error);
  fs::remove_all(copy);
  EXPECT_THROW(unpack(*packed, &edits, at::kCPU), std::runtime_error);
}

TEST(MemoryCacheTest, CountsSharedStorageOnce) {
  MemoryCache cache(size_t{1} << 30);
  const at::Tensor big = at::zeros({1 << 20});  // 4 MiB
  const auto outcome = [](const at::Tensor& tensor) {
    auto made = std::make_shared<Outcome>();
    made->values = {Latent{tensor}};
    return made;
  };
  cache.put("a", outcome(big));
  const size_t one = cache.bytes();
  EXPECT_GE(one, size_t{4} << 20);
  EXPECT_LT(one, (size_t{4} << 20) + 4096);
  cache.put("b", outcome(big.view({2, -1}).select(0, 1)));
  EXPECT_LT(cache.bytes(), one + 4096) << "a view adds nothing";
  cache.remove("a");
  EXPECT_GE(cache.bytes(), size_t{4} << 20) << "still held by the view";
  cache.remove("b");
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(cache.count(), 0u);
}

TEST(MemoryCacheTest, WhatExceedsTheBudgetAloneDisplacesNothing) {
  MemoryCache cache(1 << 20);
  const auto outcome = [](int64_t floats) {
    auto made = std::make_shared<Outcome>();
    made->values = {Latent{at::zeros({floats})}};
    return made;
  };
  cache.put("small", outcome(16));
  cache.put("huge", outcome(1 << 20));
  EXPECT_NE(cache.find("small"), nullptr);
  EXPECT_EQ(cache.find("huge"), nullptr);
}

TEST(CacheFolderTest, FollowsTheXdgStandard) {
  const auto with = [](const char* xdg, const char* home) {
    xdg ? setenv("XDG_CACHE_HOME", xdg, 1) : unsetenv("XDG_CACHE_HOME");
    home ? setenv("HOME", home, 1) : unsetenv("HOME");
    return default_cache_dir();
  };
  const char* old_xdg = std::getenv("XDG_CACHE_HOME");
  const char* old_home = std::getenv("HOME");
  const std::string kept_xdg = old_xdg ? old_xdg : "", kept_home = old_home ? old_home : "";
  EXPECT_EQ(with("/x", "/h"), "/x/reel");
  EXPECT_EQ(with("relative", "/h"), "/h/.cache/reel");
  EXPECT_EQ(with(nullptr, "/h"), "/h/.cache/reel");
  EXPECT_EQ(with(nullptr, nullptr), "");
  with(old_xdg ? kept_xdg.c_str() : nullptr, old_home ? kept_home.c_str() : nullptr);
}

}  // namespace reel::pipeline::engine_disk_test
