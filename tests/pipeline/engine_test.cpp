// Running graphs: caching, order, progress, cancelling, failures. Long because all of it shares the nodes of
// stub_nodes.h that count their runs; what is kept on the disk is in engine_disk_test.cpp.
#include <gmock/gmock.h>

#include <thread>

#include "pipeline/graph/graph_change.h"
#include "tests/pipeline/stub_nodes.h"

namespace reel::pipeline::engine_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class EngineTest : public testing::Test {
 protected:
  StubNodes stubs;
  TemporaryFolder folder;
  Graph graph = video_graph(folder / "out.txt");

  EngineBench make(EngineOptions options = {}) { return EngineBench(stubs.plugins, std::move(options)); }
  /// Ids of the nodes that ran, in order.
  static std::vector<std::string> ran(const Report& report) {
    std::vector<std::string> ids;
    for (const NodeReport& node : report.nodes) {
      if (!node.cached) ids.push_back(node.id);
    }
    return ids;
  }
  Graph with(const std::string& target, const std::string& value) {
    return set_input(stubs.registry, graph, target, value);
  }
};

TEST_F(EngineTest, RunsEachNodeOnceSourcesFirst) {
  EngineBench bench = make();
  const Report report = bench.run(graph);
  EXPECT_THAT(stubs.order, ElementsAre("Load", "Encode", "Sample", "Decode", "Save"));
  EXPECT_THAT(ran(report), ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_EQ(report.find("3")->spec, "Sample");
  EXPECT_GE(report.find("3")->seconds, 0);
  EXPECT_GT(report.find("3")->peak_bytes, 0);
  EXPECT_EQ(report.find("9"), nullptr);
  EXPECT_EQ(report.find("5")->facts.at("path"), folder / "out.txt");
  EXPECT_THAT(report.warnings, IsEmpty());
  // "a cat" has 5 letters; cfg 8 and 4 steps: 17 in each of 2*8*8*3 values.
  EXPECT_EQ(read_file(folder / "out.txt"), "6528");
  ASSERT_NE(bench.values("5"), nullptr);
  EXPECT_EQ(std::get<std::string>(bench.values("5")->at(0)), folder / "out.txt");
}

TEST_F(EngineTest, ASecondRunExecutesNothing) {
  EngineBench bench = make();
  bench.run(graph);
  stubs.order.clear();
  const Report report = bench.run(graph);
  EXPECT_THAT(stubs.order, IsEmpty());
  EXPECT_THAT(ran(report), IsEmpty());
  EXPECT_EQ(report.nodes.size(), 5u) << "all are reported, as cached";
  EXPECT_EQ(report.find("5")->facts.at("path"), folder / "out.txt")
      << "with what they reported when they ran";
}

TEST_F(EngineTest, AChangedConstantReRunsOnlyWhatLiesDownstream) {
  EngineBench bench = make();
  bench.run(graph);
  EXPECT_THAT(ran(bench.run(with("3.steps", "5"))), ElementsAre("3", "4", "5"));
  EXPECT_THAT(ran(bench.run(with("2.text", "a dog!"))), ElementsAre("2", "3", "4", "5"));
  EXPECT_THAT(ran(bench.run(with("5.path", folder / "other.txt"))), ElementsAre("5"));
}

TEST_F(EngineTest, GoingBackToEarlierConstantsOnlyWritesAgain) {
  EngineBench bench = make();
  bench.run(graph);
  bench.run(with("3.steps", "5"));  // overwrites out.txt
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("5"));
  EXPECT_EQ(read_file(folder / "out.txt"), "6528");
}

TEST_F(EngineTest, IdsTitlesOrderAndWrittenDefaultsDoNotCount) {
  EngineBench bench = make();
  bench.run(graph);
  Graph same = with("3.cfg", "8");
  same.find("3")->title = "other";
  same.find("3")->inputs["steps"] = 4.0;
  std::reverse(same.nodes.begin(), same.nodes.end());
  for (Node& node : same.nodes) {
    node.id += "x";
    for (auto& [name, input] : node.inputs) {
      if (auto* link = std::get_if<Link>(&input)) link->node += "x";
    }
  }
  EXPECT_THAT(ran(bench.run(same)), IsEmpty());
}

TEST_F(EngineTest, DeviceAndDtypeCount) {
  const std::string cache = folder / "cache";  // what engines can share
  EngineBench plain = make({.cache_dir = cache}), half = make({.dtype = at::kHalf, .cache_dir = cache});
  plain.run(graph);
  EXPECT_EQ(ran(half.run(graph)).size(), 5u);
  EXPECT_THAT(ran(plain.run(graph)), ElementsAre("5")) << "the file was written in between, all else is kept";
}

TEST_F(EngineTest, TheVersionOfAClassCounts) {
  EngineBench bench = make();
  bench.run(graph);
  const_cast<NodeSpec&>(stubs.registry.get("node", "Decode")).version = 2;
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("4", "5"));
}

TEST_F(EngineTest, ASinkRunsAgainWhenItsFileIsGoneOrChanged) {
  EngineBench bench = make();
  bench.run(graph);
  std::filesystem::remove(folder / "out.txt");
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("5"));
  write_file(folder / "out.txt", "tampered");
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("5"));
  EXPECT_EQ(read_file(folder / "out.txt"), "6528");
}

TEST_F(EngineTest, ASinkThatNamesNoFileAlwaysRuns) {
  graph.nodes.push_back({"6", "Show", {{"source", Link{"2", 0}}}, ""});
  EngineBench bench = make();
  bench.run(graph);
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("6"));
}

TEST_F(EngineTest, RunsOnlyWhatTheWantedOutputsNeed) {
  graph.nodes.push_back({"6", "Show", {{"source", Link{"4", 0}}}, ""});
  EngineBench bench = make();
  const std::vector<std::string> wanted = {"2"};
  EXPECT_THAT(ran(bench.run(graph, wanted)), ElementsAre("1", "2"));
  ASSERT_NE(bench.values("2"), nullptr);
  EXPECT_EQ(std::get<PromptContext>(bench.values("2")->at(0)).context.sizes().vec(),
            (std::vector<int64_t>{1, 2, 4}));
  EXPECT_EQ(bench.values("3"), nullptr);
  EXPECT_EQ(bench.values("nowhere"), nullptr);
  const std::vector<std::string> show = {"6"};
  EXPECT_THAT(ran(bench.run(graph, show)), ElementsAre("3", "4", "6"));
  const std::vector<std::string> absent = {"66"};
  EXPECT_THROW(bench.run(graph, absent), std::invalid_argument);
}

TEST_F(EngineTest, ValuesOfNodesInBetweenComeFromTheCache) {
  EngineBench bench = make();
  bench.run(graph);
  bench.run(graph);
  ASSERT_NE(bench.values("3"), nullptr);
  EXPECT_EQ(std::get<Latent>(bench.values("3")->at(0)).samples.max().item<float>(), 17);
}

TEST_F(EngineTest, EqualNodesRunOnce) {
  graph.nodes.push_back({"20", "Encode", {{"clip", Link{"1", 1}}, {"text", "a cat"}}, ""});
  graph.nodes.push_back({"21", "Show", {{"source", Link{"20", 0}}}, ""});
  EngineBench bench = make();
  const Report report = bench.run(graph);
  EXPECT_EQ(stubs.runs["Encode"], 1);
  EXPECT_TRUE(report.find("20")->cached);
}

TEST_F(EngineTest, NodesThatAreNotCacheableRunAlwaysAndSoDoesWhatFollows) {
  int64_t next = 0;
  stubs
      .add({"Counter", {}, {{"FLOAT", "FLOAT"}}},
           [&](const Inputs&, RunContext&) -> std::vector<Value> { return {static_cast<double>(++next)}; })
      .cacheable = false;
  graph.nodes.push_back({"6", "Counter", {}, ""});
  graph.nodes.push_back({"7", "Add", {{"a", Link{"6", 0}}, {"b", 1.0}}, ""});
  graph.nodes.push_back({"8", "Show", {{"source", Link{"7", 0}}}, ""});
  EngineBench bench = make();
  bench.run(graph);
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("6", "7", "8"));
}

TEST_F(EngineTest, EvictsLeastRecentlyUsedByBytes) {
  for (const char* id : {"a", "b", "c"}) {
    stubs.add({std::string("Big") + id, {}, {{"LATENT", "LATENT"}}},
              [](const Inputs&, RunContext&) -> std::vector<Value> {
                return {Latent{at::zeros({1, 4, 64, 32, 32})}};  // 1 MiB
              });
  }
  graph = {{{"a", "Biga", {}, ""}, {"b", "Bigb", {}, ""}, {"c", "Bigc", {}, ""}}};
  EngineBench bench = make({.cache_bytes = size_t{2} << 20 | 65536});  // two of them
  const auto run = [&](const std::string& id) {
    const std::vector<std::string> wanted = {id};
    return ran(bench.run(graph, wanted)).size();
  };
  EXPECT_EQ(run("a") + run("b"), 2u);
  EXPECT_EQ(run("a"), 0u) << "both fit";
  EXPECT_EQ(run("c"), 1u);
  EXPECT_EQ(run("a"), 0u) << "used more recently than b";
  EXPECT_EQ(run("b"), 1u) << "had to go for c";
}

TEST_F(EngineTest, WorksWithoutACache) {
  EngineBench bench = make({.cache_bytes = 0});
  bench.run(graph);
  EXPECT_EQ(ran(bench.run(graph)).size(), 5u);
  EXPECT_EQ(bench.values("3"), nullptr) << "values in between are let go";
  EXPECT_NE(bench.values("5"), nullptr);
}

TEST_F(EngineTest, LetsGoOfValuesWhenNothingNeedsThemAnyMore) {
  std::weak_ptr<int> alive;
  int64_t users_while_saving = -1;
  at::Tensor watched;
  stubs.add({"Make", {}, {{"LATENT", "LATENT"}}}, [&](const Inputs&, RunContext&) -> std::vector<Value> {
    watched = at::zeros({8});
    return {Latent{watched}};
  });
  stubs.add({"Use", {{"samples", "LATENT"}}, {{"FLOAT", "FLOAT"}}},
            [](const Inputs&, RunContext&) -> std::vector<Value> { return {1.0}; });
  stubs.add({"End", {{"value", "FLOAT"}}, {}, true}, [&](const Inputs&, RunContext&) -> std::vector<Value> {
    users_while_saving = static_cast<int64_t>(watched.use_count());
    return {};
  });
  graph = {{{"1", "Make", {}, ""},
            {"2", "Use", {{"samples", Link{"1", 0}}}, ""},
            {"3", "End", {{"value", Link{"2", 0}}}, ""}}};
  EngineBench bench = make({.cache_bytes = 0});
  bench.run(graph);
  EXPECT_EQ(users_while_saving, 1) << "only the test holds it";
}

TEST_F(EngineTest, CancellingBetweenStepsKeepsFinishedNodes) {
  std::atomic<bool> cancel = false;
  stubs.sampling = [&](const Inputs&, RunContext& context) {
    for (int step = 1; step <= 4; ++step) {
      if (step == 2) cancel = true;
      context.step(step, 4);
      EXPECT_LT(step, 2);
    }
  };
  EngineBench bench = make();
  bench.request.stop = &cancel;
  EXPECT_THROW(bench.run(graph), Cancelled);
  EXPECT_EQ(stubs.runs["Decode"], 0);
  cancel = false;
  stubs.sampling = {};
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("3", "4", "5"));
}

TEST_F(EngineTest, CancellingBetweenNodesStartsNoOther) {
  std::atomic<bool> cancel = false;
  stubs.sampling = [&](const Inputs&, RunContext&) { cancel = true; };
  EngineBench bench = make();
  bench.request.stop = &cancel;
  bool told = false;
  bench.request.listener = [&](const Event& event) {
    const auto* failed = std::get_if<Failed>(&event.what);
    told = failed && failed->stopped && failed->node.id.empty();
  };
  EXPECT_THROW(bench.run(graph), Cancelled);
  EXPECT_TRUE(told) << "the last event says so";
  EXPECT_EQ(stubs.runs["Sample"], 1);
  EXPECT_EQ(stubs.runs["Decode"], 0);
}

template <class Error>
std::string thrown_by(EngineBench& bench, const Graph& graph) {
  try {
    bench.run(graph);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_F(EngineTest, ErrorsKeepTheirKindAndNameTheNode) {
  EngineBench bench = make();
  stubs.sampling = [](const Inputs&, RunContext&) { throw std::invalid_argument("[sample] no"); };
  EXPECT_EQ(thrown_by<std::invalid_argument>(bench, graph), "node 3 (Sample): [sample] no");
  stubs.sampling = [](const Inputs&, RunContext&) { throw std::runtime_error("[disk] full"); };
  EXPECT_EQ(thrown_by<std::runtime_error>(bench, graph), "node 3 (Sample): [disk] full");
  stubs.sampling = [](const Inputs&, RunContext&) { throw std::bad_alloc(); };
  EXPECT_THAT(thrown_by<std::runtime_error>(bench, graph), StartsWith("node 3 (Sample): [memory]"));
  stubs.sampling = [](const Inputs&, RunContext&) { TORCH_CHECK(false, "shapes"); };
  EXPECT_THAT(thrown_by<c10::Error>(bench, graph), AllOf(HasSubstr("shapes"), HasSubstr("node 3 (Sample)")));
  stubs.sampling = [](const Inputs& inputs, RunContext&) { inputs.integer("no such input"); };
  EXPECT_THAT(thrown_by<std::logic_error>(bench, graph), StartsWith("node 3 (Sample): "));
  stubs.sampling = {};
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("3", "4", "5")) << "what was finished is kept";
}

TEST_F(EngineTest, AnUnsoundGraphRunsNothing) {
  graph.find("4")->inputs.erase("vae");
  EngineBench bench = make();
  EXPECT_THROW(bench.run(graph), GraphError);
  EXPECT_EQ(stubs.total(), 0);
}

TEST_F(EngineTest, WrongReturnsAreBugsOfTheNode) {
  stubs.add({"Few", {}, {{"a", "FLOAT"}, {"b", "FLOAT"}}, true},
            [](const Inputs&, RunContext&) -> std::vector<Value> { return {1.0}; });
  stubs.add({"Wrong", {}, {{"a", "LATENT"}}, true},
            [](const Inputs&, RunContext&) -> std::vector<Value> { return {1.0}; });
  EngineBench bench = make();
  EXPECT_THAT(thrown_by<std::logic_error>(bench, {{{"1", "Few", {}, ""}}}),
              HasSubstr("must return 2 values"));
  EXPECT_THAT(thrown_by<std::logic_error>(bench, {{{"1", "Wrong", {}, ""}}}),
              HasSubstr("must return LATENT"));
}

TEST_F(EngineTest, InputsArriveTypedWithDefaultsFilledIn) {
  graph.find("3")->inputs["seed"] = uint64_t{18446744073709551615u};
  graph.find("3")->inputs["cfg"] = int64_t{3};
  graph.find("3")->inputs.erase("steps");
  bool seen = false;
  stubs.sampling = [&](const Inputs& inputs, RunContext&) {
    seen = true;
    EXPECT_EQ(static_cast<uint64_t>(inputs.integer("seed")), 18446744073709551615u) << "bit for bit";
    EXPECT_EQ(inputs.number("cfg"), 3.0);
    EXPECT_EQ(inputs.integer("steps"), 20);
    EXPECT_EQ(inputs.text("sampler_name"), "euler");
    EXPECT_TRUE(inputs.flag("add_noise"));
    EXPECT_FALSE(inputs.has("latent"));
    EXPECT_EQ(inputs.get<ModelHandle>("model").folder->pipeline_class, "AnimateDiffPipeline");
  };
  make().run(graph);
  EXPECT_TRUE(seen);
}

TEST_F(EngineTest, LinkedNumbersAreCheckedWhenTheyArrive) {
  graph.nodes.push_back({"6", "Number", {{"value", 50.0}}, ""});
  graph.find("3")->inputs["cfg"] = Link{"6", 0};
  EngineBench bench = make();
  EXPECT_THAT(thrown_by<std::invalid_argument>(bench, graph),
              AllOf(StartsWith("node 3 (Sample): [cfg]"), HasSubstr("0.0 to 30.0")));
  graph.find("6")->inputs["value"] = 5.0;
  EXPECT_THAT(ran(bench.run(graph)), testing::Contains("3"));
}

TEST_F(EngineTest, FilesCountByTheirContent) {
  stubs.add({"Read", {{.name = "file", .type = "STRING", .file = true}}, {{"STRING", "STRING"}}},
            [](const Inputs& in, RunContext&) -> std::vector<Value> { return {read_file(in.text("file"))}; });
  stubs.add({"Path", {{"path", "STRING"}}, {{"STRING", "STRING"}}},
            [](const Inputs& in, RunContext&) -> std::vector<Value> { return {in.text("path")}; });
  write_file(folder / "in.txt", "one");
  graph = {{{"1", "Read", {{"file", folder / "in.txt"}}, ""},
            {"2", "Path", {{"path", folder / "in.txt"}}, ""},
            {"3", "Read", {{"file", Link{"2", 0}}}, ""}}};
  EngineBench bench = make();
  const std::vector<std::string> wanted = {"1", "3"};
  EXPECT_THAT(ran(bench.run(graph, wanted)), ElementsAre("1", "2", "3"));
  EXPECT_THAT(ran(bench.run(graph, wanted)), IsEmpty());
  write_file(folder / "in.txt", "longer");
  EXPECT_THAT(ran(bench.run(graph, wanted)), ElementsAre("1", "3")) << "linked paths are followed";
  EXPECT_EQ(std::get<std::string>(bench.values("3")->at(0)), "longer");
}

TEST_F(EngineTest, APermissionDoesNotChangeWhatAResultIs) {
  stubs.add({"Keep",
             {{"text", "STRING"},
              {.name = "allowed", .type = "BOOLEAN", .default_value = false, .permission = true}},
             {{"STRING", "STRING"}}},
            [](const Inputs& in, RunContext&) -> std::vector<Value> { return {in.text("text")}; });
  graph = {{{"1", "Keep", {{"text", "a"}}, ""}}};
  EngineBench bench = make();
  const std::vector<std::string> wanted = {"1"};
  EXPECT_THAT(ran(bench.run(graph, wanted)), ElementsAre("1"));
  EXPECT_THAT(ran(bench.run(with("1.allowed", "true"), wanted)), IsEmpty());
  EXPECT_THAT(ran(bench.run(with("1.text", "b"), wanted)), ElementsAre("1"));
}

TEST_F(EngineTest, AFileThatTheGraphItselfWritesIsReadAfterwards) {
  stubs.add({"Read", {{.name = "file", .type = "STRING", .file = true}}, {{"STRING", "STRING"}}},
            [](const Inputs& in, RunContext&) -> std::vector<Value> { return {read_file(in.text("file"))}; });
  graph.nodes.push_back({"6", "Read", {{"file", Link{"5", 0}}}, ""});
  graph.nodes.push_back({"7", "Show", {{"source", Link{"6", 0}}}, ""});
  EngineBench bench = make();
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("1", "2", "3", "4", "5", "6", "7"));
  EXPECT_THAT(ran(bench.run(graph)), ElementsAre("7"));
  EXPECT_THAT(ran(bench.run(with("3.steps", "5"))), ElementsAre("3", "4", "5", "6", "7"));
  EXPECT_EQ(stubs.runs["Save"], 2);
}

TEST_F(EngineTest, AChangeTokenCounts) {
  std::string token = "a";
  stubs
      .add({"Model",
            {{"name", "STRING"}, {.name = "extra", .type = "FLOAT", .optional = true}},
            {{"STRING", "STRING"}}},
           [](const Inputs& in, RunContext&) -> std::vector<Value> { return {in.text("name")}; })
      .change_token = [&](const Inputs& inputs, const RunContext&) {
    EXPECT_EQ(inputs.text("name"), "tiny");
    EXPECT_FALSE(inputs.has("extra")) << "links have no value yet";
    return token;
  };
  graph = {{{"1", "Model", {{"name", "tiny"}, {"extra", Link{"2", 0}}}, ""}, {"2", "Number", {}, ""}}};
  EngineBench bench = make();
  const std::vector<std::string> wanted = {"1"};
  bench.run(graph, wanted);
  EXPECT_THAT(ran(bench.run(graph, wanted)), IsEmpty());
  token = "b";
  EXPECT_THAT(ran(bench.run(graph, wanted)), ElementsAre("1"));
}

/// "start 1 Load", "step 1/2 3 Sample", "cached 1 Load 2 Encode", ...
std::string text(const Event& event) {
  const auto name = [](const NodeName& node) {
    return node.id.empty() ? "" : " " + node.id + " " + node.title;
  };
  std::string all;
  if (const auto* e = std::get_if<Started>(&event.what)) return "start" + name(e->node);
  if (const auto* e = std::get_if<Stepped>(&event.what))
    return "step " + std::to_string(e->done) + "/" + std::to_string(e->all) + name(e->node);
  if (const auto* e = std::get_if<Warning>(&event.what)) return "warning" + name(e->node);
  if (const auto* e = std::get_if<Done>(&event.what)) return "done" + name(e->node);
  if (const auto* e = std::get_if<Failed>(&event.what))
    return (e->stopped ? "stopped" : "failed") + name(e->node) + ": " + e->message;
  if (const auto* e = std::get_if<Cached>(&event.what)) {
    for (const NodeName& node : e->nodes) all += name(node);
    return "cached" + all;
  }
  return "preview";
}

TEST_F(EngineTest, TellsWhatHappens) {
  graph.find("3")->title = "my sampler";
  graph.find("3")->inputs["control_after_generate"] = "fixed";
  stubs.sampling = [](const Inputs&, RunContext& context) {
    context.step(1, 2);
    context.warn("odd");
    context.report->facts["seed"] = "7";
  };
  std::vector<std::string> events;
  EngineBench bench = make();
  bench.request.id = "r1";
  bench.request.listener = [&](const Event& event) { events.push_back(event.request + " " + text(event)); };
  const std::vector<std::string> wanted = {"3"};
  Report report = bench.run(graph, wanted);
  EXPECT_THAT(events, ElementsAre("r1 warning", "r1 start 1 Load", "r1 done 1 Load", "r1 start 2 Encode",
                                  "r1 done 2 Encode", "r1 start 3 my sampler", "r1 step 1/2 3 my sampler",
                                  "r1 warning 3 my sampler", "r1 done 3 my sampler"));
  ASSERT_EQ(report.warnings.size(), 2u);
  EXPECT_THAT(report.warnings[0], AllOf(HasSubstr("node 3 (Sample)"), HasSubstr("control_after_generate")));
  EXPECT_EQ(report.warnings[1], "node 3 (Sample): odd");
  EXPECT_EQ(report.find("3")->facts.at("seed"), "7");
  events.clear();
  bench.run(graph, wanted);
  EXPECT_THAT(events, ElementsAre("r1 warning", "r1 cached 1 Load 2 Encode 3 my sampler"));
  events.clear();
  stubs.sampling = [](const Inputs&, RunContext&) { throw std::runtime_error("[disk] full"); };
  graph.find("3")->inputs["steps"] = int64_t{7};
  EXPECT_THROW(bench.run(graph, wanted), std::runtime_error);
  EXPECT_THAT(events, ElementsAre("r1 warning", "r1 cached 1 Load 2 Encode", "r1 start 3 my sampler",
                                  "r1 failed 3 my sampler: node 3 (Sample): [disk] full"));
}

TEST_F(EngineTest, ACachedSinkShowsItsFileAgain) {
  const std::string cache = folder / "cache";
  const auto shown = [&](EngineBench& bench) {
    const Report report = bench.run(graph);
    return report.find("5")->shown.empty() ? "" : report.find("5")->shown.front().file;
  };
  EngineBench first = make({.cache_dir = cache}), other = make({.cache_dir = cache});
  EXPECT_EQ(shown(first), folder / "out.txt");
  EXPECT_EQ(shown(first), folder / "out.txt");
  EXPECT_EQ(shown(other), folder / "out.txt") << "from the disk";
  EXPECT_EQ(stubs.runs["Save"], 1);
}

TEST_F(EngineTest, AFullDeviceIsTriedAgainOnlyIfSomethingWasLetGo) {
  stubs.sampling = [](const Inputs&, RunContext&) { TORCH_CHECK_WITH(OutOfMemoryError, false, "full"); };
  EngineBench bench = make();
  EXPECT_THROW(bench.run(graph), std::runtime_error);
  EXPECT_EQ(stubs.runs["Sample"], 1);
}

TEST_F(EngineTest, TheGraphAsItRunsIsThereForRecipes) {
  std::string seen;
  stubs.sampling = [&](const Inputs&, RunContext& context) { seen = context.graph_json; };
  make().run(graph);
  EXPECT_THAT(seen, HasSubstr("\"class_type\": \"Sample\""));
}

TEST_F(EngineTest, RunsAChainOfThousandsOfNodes) {
  graph = {{{"0", "Number", {}, ""}}};
  for (int i = 1; i < 5000; ++i)
    graph.nodes.push_back(
        {std::to_string(i), "Add", {{"a", Link{std::to_string(i - 1), 0}}, {"b", 1.0}}, ""});
  EngineBench bench = make();
  const std::vector<std::string> wanted = {"4999"};
  bench.run(graph, wanted);
  EXPECT_EQ(std::get<double>(bench.values("4999")->at(0)), 5000);
}

}  // namespace reel::pipeline::engine_test
