#include "pipeline/jobs/replay/replay_graph.h"

#include <gmock/gmock.h>

#include "pipeline/graph/graph_reader.h"
#include "tests/pipeline/stub_nodes.h"

namespace reel::pipeline::replay_graph_test {

using testing::ElementsAre;
using testing::HasSubstr;

NodeRegistry nodes() {
  NodeRegistry registry;
  NodeSpec source;
  source.spec = {"Source", "Makes a video.", "test"};
  source.inputs = {{.name = "file", .type = "STRING", .default_value = "", .writes = true},
                   {.name = "read", .type = "STRING", .default_value = "", .file = true},
                   {.name = "text", .type = "STRING", .default_value = ""}};
  source.outputs = {{.name = "VIDEO", .type = "VIDEO"}, {.name = "text", .type = "STRING"}};
  registry.add(source);
  for (const char* name : {"WriteVideo", "SaveVideo"}) {
    NodeSpec write;
    write.spec = {name, "Writes.", "test"};
    write.sink = true;
    write.inputs = {{.name = "video", .type = "VIDEO"},
                    {.name = "path", .type = "STRING", .default_value = "", .writes = true},
                    {.name = "codec", .type = "STRING", .default_value = ""}};
    write.outputs = {{.name = "path", .type = "STRING"}};
    registry.add(write);
  }
  return registry;
}

Graph replayed(const std::string& text, const std::string& wrote = "w") {
  return replay_graph(nodes(), parse_graph(text, "test"), wrote, "v.mp4");
}

std::string refusal(const std::string& text, const std::string& wrote = "w") {
  try {
    replayed(text, wrote);
    return "replayed";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(ReplayGraph, KeepsWhatTheFileNeedsAndOneNodeThatWrites) {
  const Graph graph =
      replayed(R"({"s":{"class_type":"Source","inputs":{"file":"record.safetensors","text":"x"}},)"
               R"("w":{"class_type":"SaveVideo","inputs":{"video":["s",0],"codec":"auto"}},)"
               R"("other":{"class_type":"WriteVideo","inputs":{"video":["s",0],"path":"victim.mp4"}}})");
  ASSERT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(graph.nodes[0].inputs.count("file"), 0U) << "a recorder loses its file";
  EXPECT_EQ(graph.nodes[0].inputs.count("text"), 1U);
  EXPECT_EQ(graph.nodes[1].id, "w");
  EXPECT_EQ(graph.nodes[1].spec, "WriteVideo");
  EXPECT_EQ(graph.nodes[1].inputs.size(), 1U) << "the path comes from the user, the codec from the new name";
}

TEST(ReplayGraph, RefusesWhatItHasNoNeedFor) {
  const std::string write = R"("w":{"class_type":"WriteVideo","inputs":{"video":["s",0]}})";
  EXPECT_THAT(refusal(R"({"s":{"class_type":"Source","inputs":{"text":["b",0]}},)" + write +
                      R"(,"a":{"class_type":"Source","inputs":{}},"b":{"class_type":"WriteVideo","inputs":)"
                      R"({"video":["a",0],"path":"victim.mp4"}}})"),
              HasSubstr("needs node b (WriteVideo) too"));
  for (const char* input : {"file", "read"}) {
    EXPECT_THAT(refusal(R"({"s":{"class_type":"Source","inputs":{")" + std::string(input) +
                        R"(":["a",1]}},)" + write + R"(,"a":{"class_type":"Source","inputs":{}}})"),
                HasSubstr("computes the path '" + std::string(input) + "'"));
  }
  EXPECT_THAT(refusal("{" + write + R"(,"s":{"class_type":"Source","inputs":{}}})", "s"),
              HasSubstr("writes no videos"));
  EXPECT_THAT(refusal("{" + write + R"(,"s":{"class_type":"Source","inputs":{}}})", "\x1b[31mno"),
              HasSubstr("lacks the node '\\x1b[31mno'"));
}

TEST(ReplayGraph, RefusesTooManySteps) {
  NodeRegistry registry = nodes();
  NodeSpec sampler;
  sampler.spec = {"KSampler", "Samples.", "test"};
  sampler.inputs = {{.name = "steps", .type = "INT", .default_value = int64_t{20}}};
  sampler.outputs = {{.name = "VIDEO", .type = "VIDEO"}};
  registry.add(sampler);
  const auto with_steps = [&](int steps) {
    return replay_graph(
        registry,
        parse_graph(R"({"s":{"class_type":"KSampler","inputs":{"steps":)" + std::to_string(steps) +
                        R"(}},"w":{"class_type":"WriteVideo","inputs":{"video":["s",0]}}})",
                    "test"),
        "w", "v.mp4");
  };
  EXPECT_EQ(with_steps(1000).nodes.size(), 2U);
  EXPECT_THROW(with_steps(1001), std::runtime_error);
}

}  // namespace reel::pipeline::replay_graph_test
