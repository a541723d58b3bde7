// Requests on several threads: each gives what it gives alone, tells of itself alone, and is stopped alone. Runs under
// the thread sanitizer too (REEL_PRESET=cpu-threads bash scripts/test.sh), so its nodes use no OpenMP.
#include <gmock/gmock.h>

#include <barrier>
#include <thread>

#include "tests/pipeline/engine_bench.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::concurrent_requests_test {

/// Nodes without state: Letters, Count (slow, with steps), Join, Write.
void add_nodes(NodeRegistry& registry, std::function<void()> at_step) {
  const auto add = [&](const std::string& name, std::vector<Socket> inputs, std::vector<Socket> outputs,
                       bool sink, NodeFunction function) {
    NodeSpec node;
    node.spec = {name, "A stub.", ""};
    node.inputs = std::move(inputs), node.outputs = std::move(outputs);
    node.sink = sink, node.run = std::move(function);
    registry.add(std::move(node));
  };
  add("Letters", {{"text", "STRING"}}, {{"STRING", "STRING"}}, false,
      [](const Inputs& in, RunContext& context) -> std::vector<Value> {
        context.report->facts["letters"] = std::to_string(in.text("text").size());
        return {in.text("text") + "."};
      });
  add("Count", {{"text", "STRING"}, {"steps", "INT"}}, {{"INT", "INT"}}, false,
      [at_step](const Inputs& in, RunContext& context) -> std::vector<Value> {
        int64_t sum = 0;
        for (int64_t step = 1; step <= in.integer("steps"); ++step) {
          sum += step * static_cast<int64_t>(in.text("text").size());
          if (at_step) at_step();
          context.step(step, in.integer("steps"));
        }
        context.warn("counted " + in.text("text"));
        return {sum};
      });
  add("Write", {{"number", "INT"}, {"path", "STRING"}}, {{.name = "path", .type = "STRING", .file = true}},
      true, [](const Inputs& in, RunContext& context) -> std::vector<Value> {
        std::ofstream(in.text("path")) << in.integer("number") << " " << context.recipe_json;
        context.report->shown.push_back({.kind = "text", .file = in.text("path")});
        return {in.text("path")};
      });
}

Graph graph_of(const std::string& text, int64_t steps, const std::string& path) {
  return {{{"1", "Letters", {{"text", text}}, ""},
           {"2", "Count", {{"text", Link{"1", 0}}, {"steps", steps}}, ""},
           {"3", "Write", {{"number", Link{"2", 0}}, {"path", path}}, ""}}};
}

/// What people see of a run: files, warnings, and the ids that its events carry.
struct Seen {
  std::string file;
  std::vector<std::string> warnings;
  std::set<std::string> ids;
  size_t steps = 0;
  bool operator==(const Seen&) const = default;
};

struct Job {
  std::string text;
  int64_t steps;
};

Seen run(Engine& engine, const Job& job, const std::string& id, const std::string& path,
         const std::atomic<bool>* stop = nullptr) {
  Seen seen;
  Request request{.graph = graph_of(job.text, job.steps, path), .id = id, .recipe = job.text, .stop = stop};
  request.listener = [&seen](const Event& event) {
    seen.ids.insert(event.request);
    seen.steps += std::holds_alternative<Stepped>(event.what);
  };
  const RunResult result = engine.run(request);
  seen.file = read_file(result.report.find("3")->shown.at(0).file);
  seen.warnings = result.report.warnings;
  return seen;
}

const std::vector<Job> kJobs = {{"a cat", 40}, {"a dog!", 60}, {"a cat", 60}, {"red", 100}};

TEST(ConcurrentRequestsTest, GiveWhatTheyGiveOneAfterTheOther) {
  const TemporaryFolder folder;
  Plugins plugins;
  add_nodes(plugins.nodes, {});
  for (const bool kept : {false, true}) {
    std::vector<Seen> alone, together(kJobs.size());
    const auto options = [&](const std::string& cache) {
      return EngineOptions{.cache_bytes = kept ? size_t{1} << 20 : 0,
                           .cache_dir = kept ? (folder / cache) : ""};
    };
    for (size_t i = 0; i < kJobs.size(); ++i) {
      Engine engine(plugins, options("alone" + std::to_string(i)));
      alone.push_back(run(engine, kJobs[i], "r" + std::to_string(i), folder / "alone.txt"));
    }
    Engine engine(plugins, options("together"));
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kJobs.size(); ++i) {
      threads.emplace_back([&, i] {
        together[i] = run(engine, kJobs[i], "r" + std::to_string(i), folder / std::to_string(i) + ".txt");
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < kJobs.size(); ++i) {
      EXPECT_EQ(together[i].file, alone[i].file);
      EXPECT_EQ(together[i].warnings, alone[i].warnings);
      EXPECT_THAT(together[i].ids, testing::ElementsAre("r" + std::to_string(i)));
      EXPECT_EQ(together[i].steps, alone[i].steps);
    }
  }
}

TEST(ConcurrentRequestsTest, AStopEndsOneAndNotTheOther) {
  const TemporaryFolder folder;
  Plugins plugins;
  std::barrier both(2);  // neither gets ahead of the other
  std::atomic<bool> alone = false, stop_first = false, stop_second = false;
  add_nodes(plugins.nodes, [&] {
    if (!alone) both.arrive_and_wait();
  });
  Engine engine(plugins, {.cache_bytes = 0});
  bool stopped = false;
  std::thread first([&] {
    int64_t steps = 0;
    Request request{
        .graph = graph_of("a cat", 100, folder / "first.txt"), .id = "first", .stop = &stop_first};
    request.listener = [&](const Event& event) {
      if (std::holds_alternative<Stepped>(event.what) && ++steps == 10) stop_first = true;
      if (const auto* failed = std::get_if<Failed>(&event.what)) stopped = failed->stopped;
    };
    EXPECT_THROW(engine.run(request), Cancelled);
    EXPECT_EQ(steps, 10);
    alone = true;
    both.arrive_and_drop();
  });
  Seen second;
  std::thread other([&] {
    second = run(engine, {"a dog", 100}, "second", folder / "second.txt", &stop_second);
  });
  first.join(), other.join();
  EXPECT_TRUE(stopped);
  EXPECT_FALSE(std::filesystem::exists(folder / "first.txt"));
  EXPECT_EQ(second.file, std::to_string(6 * 5050) + " a dog");
  EXPECT_EQ(second.steps, 100u);
}

}  // namespace reel::pipeline::concurrent_requests_test
