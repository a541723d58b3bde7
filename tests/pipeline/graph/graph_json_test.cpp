// Graph files: what is read, refused and written back. Long because reading and writing are tested against
// each other.
#include "pipeline/graph/graph_json.h"
#include "pipeline/graph/graph_reader.h"

#include <gmock/gmock.h>

#include <chrono>
#include <random>

#include "tests/support/malformed_graphs.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::graph_json_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Problem> problems_of(const std::string& text) {
  try {
    parse_graph(text, "test.json");
  } catch (const GraphError& error) {
    return error.problems();
  }
  return {};
}

std::string error_of(const std::string& text) {
  try {
    parse_graph(text, "test.json");
  } catch (const GraphError& error) {
    return error.what();
  }
  return "";
}

Input input_of(const std::string& value) {
  return parse_graph(with_input(value), "test").nodes.at(0).inputs.at("x");
}

TEST(GraphJsonTest, ReadsNodesInFileOrderWithTitlesLinksAndConstants) {
  const Graph graph = parse_graph(R"({
    "12:34": {"class_type": "KSampler", "_meta": {"title": "my sampler", "other": [1]}, "is_changed": {"a": [[]]},
              "inputs": {"model": ["2", 1], "seed": 18446744073709551615, "cfg": 6.0, "steps": 20, "name": "eul\u0065r", "on": true}},
    "2": {"class_type": "Load", "inputs": {}}, "1": {"class_type": "Show"}})",
                                  "test");
  ASSERT_EQ(graph.nodes.size(), 3u);
  EXPECT_EQ(graph.nodes[0].id, "12:34");
  EXPECT_EQ(graph.nodes[1].id, "2");
  EXPECT_EQ(graph.nodes[2].id, "1");
  EXPECT_TRUE(graph.nodes[2].inputs.empty());
  const Node& sampler = graph.nodes[0];
  EXPECT_EQ(sampler.spec, "KSampler");
  EXPECT_EQ(sampler.title, "my sampler");
  EXPECT_EQ(sampler.inputs.at("model"), Input(Link{"2", 1}));
  EXPECT_EQ(sampler.inputs.at("seed"), Input(uint64_t{18446744073709551615u}));
  EXPECT_EQ(sampler.inputs.at("cfg"), Input(6.0));
  EXPECT_EQ(sampler.inputs.at("steps"), Input(int64_t{20}));
  EXPECT_EQ(sampler.inputs.at("name"), Input(std::string("euler")));
  EXPECT_EQ(sampler.inputs.at("on"), Input(true));
}

TEST(GraphJsonTest, UnwrapsScalarsAndKeepsOtherObjectsAsText) {
  EXPECT_EQ(input_of(R"({"__value__": 5})"), Input(int64_t{5}));
  EXPECT_EQ(input_of(R"({"__type__": "T", "__value__": "a"})"), Input(std::string("a")));
  const std::string list = R"({"__value__":[1,2.5,{"a":null,"b":[]},"x\n"]})";
  EXPECT_EQ(input_of(list), Input(RawJson{list}));
  EXPECT_EQ(input_of(R"({ "hidden" : false , "params" : { "a" : 1 , "b" : [ ] } })"),
            Input(RawJson{R"({"hidden":false,"params":{"a":1,"b":[]}})"}));
  EXPECT_TRUE(parse_graph(with_input("null"), "test").nodes[0].inputs.empty()) << "null counts as absent";
  EXPECT_TRUE(parse_graph(with_input(R"({"__value__": null})"), "test").nodes[0].inputs.empty());
}

TEST(GraphJsonTest, KeepsIntegersOfBothSignsExactly) {
  EXPECT_EQ(input_of("-9223372036854775808"), Input(INT64_MIN));
  EXPECT_EQ(input_of("9223372036854775807"), Input(INT64_MAX));
  EXPECT_EQ(input_of("9223372036854775808"), Input(uint64_t{1} << 63));
  EXPECT_EQ(input_of("1e3"), Input(1000.0));
}

class MalformedGraphTest : public testing::TestWithParam<MalformedGraph> {};

TEST_P(MalformedGraphTest, IsRefusedQuicklyWithAClearError) {
  const MalformedGraph& file = GetParam();
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Problem> problems = problems_of(file.bytes);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems[0].kind, file.kind) << problems[0].text();
  const std::string message = GraphError(problems, "test.json").what();
  EXPECT_THAT(message, HasSubstr(file.message));
  EXPECT_LT(message.size(), 30'000u);
  // Without sanitizers these take milliseconds; a quadratic reader would take minutes.
  EXPECT_LT(seconds, 10);
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedGraphTest, testing::ValuesIn(malformed_graphs()),
                         [](const auto& info) { return info.param.name; });

TEST(GraphJsonTest, AcceptsTheLimitsThemselves) {
  EXPECT_EQ(parse_graph(many_nodes(10'000), "test").nodes.size(), 10'000u);
  const std::string deep =
      R"({"a":)" + repeated("[", 60) + repeated("]", 60) + "}";  // below graph, node and inputs: 64
  EXPECT_TRUE(problems_of(with_input(deep)).empty());
  EXPECT_FALSE(problems_of(with_input(R"({"a":)" + repeated("[", 61) + repeated("]", 61) + "}")).empty());
  const std::string spaces(16 << 20, ' ');
  EXPECT_TRUE(parse_graph("{}" + spaces.substr(2), "test").nodes.empty());
}

TEST(GraphJsonTest, ReportsAllProblemsOfFormAtOnce) {
  const auto problems = problems_of(R"({
    "1": {"inputs": {}},
    "2": {"class_type": "K", "inputs": {"a": [1], "b": 99999999999999999999, "c": ["1", 0]}},
    "3": 5,
    "2": {"class_type": "L"}})");
  std::vector<std::string> seen;
  for (const Problem& problem : problems)
    seen.push_back(problem.node + "." + problem.socket + " " + problem.kind);
  EXPECT_THAT(seen, ElementsAre("1. missing_node_type", "2.a bad_linked_input", "2.b number_out_of_range",
                                "3. invalid_node", "2. duplicate_key"));
}

TEST(GraphJsonTest, EscapesControlCharactersInMessages) {
  const std::string message = error_of("{\"\\u001b[31mred\": 5}");
  EXPECT_THAT(message, HasSubstr("\\x1b[31mred"));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST(GraphJsonTest, WritesTwoSpaceJsonWithFloatsAsFloats) {
  const Graph graph{{{"3",
                      "K",
                      {{"cfg", 1.0},
                       {"model", Link{"1", 0}},
                       {"seed", uint64_t{18446744073709551615u}},
                       {"tiny", 1e-7},
                       {"zero", -0.0}},
                      "a \"title\""},
                     {"1", "Load", {}, ""}}};
  EXPECT_EQ(write_graph(graph), R"({
  "3": {
    "class_type": "K",
    "inputs": {
      "cfg": 1.0,
      "model": ["1", 0],
      "seed": 18446744073709551615,
      "tiny": 1e-07,
      "zero": -0.0
    },
    "_meta": {
      "title": "a \"title\""
    }
  },
  "1": {
    "class_type": "Load",
    "inputs": {}
  }
}
)");
  EXPECT_EQ(write_graph(Graph{}), "{}\n");
}

// As ComfyUI's "Export (API)" writes it: inputs first and in the order of the class, tall links, no final
// newline.
TEST(GraphJsonTest, WritesAnExportedFileBackUnchanged) {
  const std::string exported = R"({
  "3": {
    "inputs": {
      "seed": 156680208700286,
      "cfg": 8,
      "sampler_name": "euler",
      "model": [
        "4",
        0
      ]
    },
    "class_type": "KSampler",
    "_meta": {
      "title": "KSampler"
    }
  }
})";
  EXPECT_EQ(write_graph(parse_graph(exported, "test")), exported);
}

TEST(GraphJsonTest, KeepsTheOrderOfInputsAndAppendsNewOnes) {
  Graph graph = parse_graph(R"({"3": {"class_type": "K", "inputs": {"z": 1, "b": 2}}})", "test");
  graph.nodes[0].inputs["a"] = int64_t{3};
  graph.nodes[0].inputs.erase("b");
  const std::string text = write_graph(graph);
  EXPECT_LT(text.find("\"z\""), text.find("\"a\""));
  EXPECT_EQ(text.find("\"b\""), std::string::npos);
}

std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> kParts = {"a",  "Z", "\"", "\\", "\n", "\t", "\x01", "/", "é",
                                                  "猫", "😀", "{",  "]",  ",",  ":",  " ",    "%"};
  std::string text;
  for (size_t length = random() % 12; length > 0; --length) text += kParts[random() % kParts.size()];
  return text;
}

double random_double(std::mt19937_64& random) {
  while (true) {
    const uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) return random() % 2 ? value : std::round(std::fmod(value, 1e6));
  }
}

Input random_input(std::mt19937_64& random) {
  switch (random() % 7) {
    case 0:
      return random() % 2 == 0;
    case 1:
      return static_cast<int64_t>(random());
    case 2:
      return (uint64_t{1} << 63) + random() / 2;
    case 3:
      return random_double(random);
    case 4:
      return random_text(random);
    case 5:
      return Link{random_text(random), static_cast<int>(random() % 100)};
    default:
      return RawJson{R"({"a":[1,2.5],"b":{}})"};
  }
}

TEST(GraphJsonTest, WhatIsWrittenReadsBackEqual) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    Graph graph;
    graph.layout = {random() % 2 == 0, random() % 2 == 0, random() % 2 == 0};
    for (size_t i = 0; i < random() % 6; ++i) {
      Node node{std::to_string(i) + random_text(random), "C" + random_text(random), {}, random_text(random)};
      for (size_t k = 0; k < random() % 6; ++k) node.inputs[random_text(random)] = random_input(random);
      graph.nodes.push_back(std::move(node));
    }
    const std::string text = write_graph(graph);
    const Graph again = parse_graph(text, "test");
    ASSERT_EQ(again, graph) << text;
    ASSERT_EQ(write_graph(again), text);
  }
}

// Flipping, dropping and doubling bytes of a sound file must end in a graph or a GraphError, never otherwise.
TEST(GraphJsonTest, DamagedFilesNeverDoWorseThanAnError) {
  const std::string sound =
      R"({"1": {"class_type": "Load", "inputs": {"n": "x", "o": {"__value__": [1, {"a": -1.5e3}]}}},
    "2": {"class_type": "K", "inputs": {"m": ["1", 0], "s": 12345678901234567890}, "_meta": {"title": "t"}}})";
  std::mt19937_64 random(7);
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text = sound;
    for (size_t k = 0; k <= random() % 3; ++k) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 8);
          break;
        default:
          text.insert(at, text.substr(at, 1 + random() % 8));
      }
    }
    try {
      const Graph graph = parse_graph(text, "test");
      EXPECT_EQ(parse_graph(write_graph(graph), "test"), graph) << text;
    } catch (const GraphError& error) {
      ++refused;
      EXPECT_FALSE(error.problems().empty());
    }
  }
  EXPECT_GT(refused, 2500);
}

TEST(GraphJsonTest, SavesThroughATemporaryFileAndKeepsPermissions) {
  TemporaryFolder folder;
  const std::string path = folder / "graph.json";
  const Graph graph{{{"1", "Load", {{"name", "a"}}, ""}}};
  save_graph(graph, path);
  EXPECT_EQ(read_graph(path), graph);
  namespace fs = std::filesystem;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(path, folder / "link.json");
  Graph other = graph;
  other.nodes[0].inputs["name"] = "b";
  save_graph(other, folder / "link.json");
  EXPECT_TRUE(fs::is_symlink(folder / "link.json"));
  EXPECT_EQ(read_graph(path), other);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 2u) << "no temporary file is left";
}

TEST(GraphJsonTest, NamesFilesThatCannotBeReadOrWritten) {
  TemporaryFolder folder;
  EXPECT_THROW(read_graph(folder / "absent.json"), std::runtime_error);
  EXPECT_THROW(read_graph(folder.path().string()), std::runtime_error);
  EXPECT_THROW(save_graph(Graph{}, folder / "no/such/folder.json"), std::runtime_error);
  EXPECT_THROW(read_graph("/dev/zero"), std::runtime_error);
}

}  // namespace reel::pipeline::graph_json_test
