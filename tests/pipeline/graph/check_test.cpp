#include "pipeline/graph/check.h"
#include "pipeline/graph/graph_order.h"

#include <gmock/gmock.h>

#include <chrono>

#include "tests/pipeline/stub_nodes.h"

namespace reel::pipeline::check_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckTest : public testing::Test {
 protected:
  StubNodes stubs;
  Graph graph = video_graph("out.txt");

  Input& input(const std::string& id, const std::string& name) { return graph.find(id)->inputs[name]; }
  std::vector<Problem> found() { return check(stubs.registry, graph); }
  /// The one problem there should be.
  Problem only() {
    const auto problems = found();
    std::string all;
    for (const Problem& problem : problems) all += problem.text() + "\n";
    EXPECT_EQ(problems.size(), 1u) << all;
    return problems.empty() ? Problem{} : problems[0];
  }
};

#define EXPECT_PROBLEM(problem, node_, socket_, kind_) \
  do {                                                 \
    EXPECT_EQ((problem).node, node_);                  \
    EXPECT_EQ((problem).socket, socket_);              \
    EXPECT_EQ((problem).kind, kind_);                  \
  } while (false)

TEST_F(CheckTest, FindsNothingWrongWithASoundGraph) { EXPECT_THAT(found(), IsEmpty()); }

TEST_F(CheckTest, NamesUnknownClassesWithTheNearest) {
  graph.find("3")->spec = "Smaple";
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "3", "", "missing_node_type");
  EXPECT_THAT(problem.hint, HasSubstr("'Sample'"));
}

TEST_F(CheckTest, NamesMissingInputsAndASource) {
  graph.find("4")->inputs.erase("vae");
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "4", "vae", "required_input_missing");
  EXPECT_EQ(problem.expected, "a link to VAE");
  EXPECT_THAT(problem.hint, HasSubstr("[\"1\", 2]"));
}

TEST_F(CheckTest, SuspectsAMisspeltInput) {
  graph.find("4")->inputs.erase("samples");
  input("4", "sample") = Link{"3", 0};
  const Problem missing = only();
  EXPECT_PROBLEM(missing, "4", "samples", "required_input_missing");
  EXPECT_THAT(missing.hint, HasSubstr("'sample'"));
}

TEST_F(CheckTest, ReportsAMisspeltInputThatHasADefault) {
  graph.find("3")->inputs.erase("steps");
  input("3", "stesp") = int64_t{50};
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "3", "stesp", "unknown_input");
  EXPECT_THAT(problem.hint, HasSubstr("'steps'"));
}

TEST_F(CheckTest, OnlyWarnsOfOtherUndeclaredInputs) {
  input("3", "control_after_generate") = "randomize";
  input("3", "videopreview") = RawJson{"{}"};
  EXPECT_THAT(found(), IsEmpty());
  const auto warnings = undeclared_inputs(stubs.registry, graph);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_PROBLEM(warnings[0], "3", "control_after_generate", "unknown_input");
}

TEST_F(CheckTest, FindsLinksToAbsentNodes) {
  input("4", "vae") = Link{"9", 0};
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "4", "vae", "dangling_link");
  EXPECT_THAT(problem.found, HasSubstr("'9'"));
  EXPECT_THAT(problem.hint, HasSubstr("[\"1\", 2]"));
}

TEST_F(CheckTest, FindsLinksToAbsentOutputs) {
  input("4", "vae") = Link{"1", 3};
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "4", "vae", "dangling_link");
  EXPECT_THAT(problem.expected, HasSubstr("0 to 2"));
  EXPECT_THAT(problem.hint, HasSubstr("output 2 is VAE"));
}

TEST_F(CheckTest, FindsTypeMismatchesAndTheFittingOutput) {
  input("2", "clip") = Link{"1", 0};
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "2", "clip", "return_type_mismatch");
  EXPECT_EQ(problem.expected, "CLIP");
  EXPECT_THAT(problem.found, HasSubstr("MODEL"));
  EXPECT_THAT(problem.hint, HasSubstr("output 1 is CLIP"));
}

TEST_F(CheckTest, RefusesConstantsWhereOnlyLinksFit) {
  input("3", "model") = "tiny";
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "3", "model", "invalid_input_type");
  EXPECT_THAT(problem.hint, HasSubstr("[\"1\", 0]"));
}

TEST_F(CheckTest, RefusesObjectsAsConstants) {
  input("3", "steps") = RawJson{R"({"__value__":[1]})"};
  EXPECT_PROBLEM(only(), "3", "steps", "invalid_input_type");
}

TEST_F(CheckTest, NullIsNoNumberAndNoText) {
  const RawJson null{"null"};
  input("3", "latent") = null;  // as editors write what is not connected
  EXPECT_THAT(found(), IsEmpty());
  input("3", "steps") = null;
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "3", "steps", "invalid_input_type");
  EXPECT_EQ(problem.found, "null");
  for (const char* name : {"seed", "cfg", "sampler_name", "add_noise"}) input("3", name) = null;
  EXPECT_EQ(found().size(), 5u);
  input("3", "model") = null;
  EXPECT_EQ(found().size(), 6u) << "a model must be connected";
}

TEST_F(CheckTest, RefusesTextThatIsNoNumber) {
  input("3", "steps") = "many";
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "3", "steps", "invalid_input_type");
  EXPECT_EQ(problem.expected, "an integer from 1 to 100");
  EXPECT_EQ(problem.found, "\"many\"");
}

TEST_F(CheckTest, GivesTheNearestLegalNumber) {
  input("3", "steps") = int64_t{0};
  Problem problem = only();
  EXPECT_PROBLEM(problem, "3", "steps", "value_smaller_than_min");
  EXPECT_THAT(problem.hint, HasSubstr("is 1"));
  input("3", "steps") = int64_t{4};
  input("3", "cfg") = 30.5;
  problem = only();
  EXPECT_PROBLEM(problem, "3", "cfg", "value_bigger_than_max");
  EXPECT_THAT(problem.hint, HasSubstr("30.0"));
}

TEST_F(CheckTest, GivesTheNearestChoice) {
  input("3", "sampler_name") = "eular";
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "3", "sampler_name", "value_not_in_list");
  EXPECT_EQ(problem.expected, "one of euler|ddim|dpmpp_2m");
  EXPECT_THAT(problem.hint, HasSubstr("'euler'"));
}

TEST_F(CheckTest, PrintsTheCycle) {
  stubs.add(
      {"Mix", {{"a", "LATENT"}, {.name = "b", .type = "LATENT", .optional = true}}, {{"LATENT", "LATENT"}}},
      {});
  graph.nodes.push_back({"6", "Mix", {{"a", Link{"7", 0}}}, ""});
  graph.nodes.push_back({"7", "Mix", {{"a", Link{"6", 0}}, {"b", Link{"3", 0}}}, ""});
  const Problem problem = only();
  EXPECT_EQ(problem.kind, "dependency_cycle");
  EXPECT_THAT(problem.found,
              testing::AnyOf("6 (Mix) -> 7 (Mix) -> 6 (Mix)", "7 (Mix) -> 6 (Mix) -> 7 (Mix)"));
}

TEST_F(CheckTest, FindsANodeThatNeedsItself) {
  stubs.add({"Mix", {{"a", "LATENT"}}, {{"LATENT", "LATENT"}}}, {});
  graph.nodes.push_back({"6", "Mix", {{"a", Link{"6", 0}}}, ""});
  EXPECT_EQ(only().found, "6 (Mix) -> 6 (Mix)");
}

TEST_F(CheckTest, WantsAnOutput) {
  graph.nodes.pop_back();
  const Problem problem = only();
  EXPECT_PROBLEM(problem, "", "", "prompt_no_outputs");
  EXPECT_THAT(problem.hint, HasSubstr("Save"));
  graph = {};
  EXPECT_EQ(only().kind, "prompt_no_outputs");
}

TEST_F(CheckTest, RefusesTwoNodesOfOneId) {
  graph.nodes.push_back(graph.nodes[0]);
  EXPECT_PROBLEM(only(), "1", "", "duplicate_key");
}

TEST_F(CheckTest, ReportsEverythingAtOnce) {
  graph.find("1")->spec = "Loda";
  input("3", "steps") = int64_t{1000};
  input("3", "sampler_name") = "ddmi";
  input("4", "samples") = Link{"2", 0};
  input("5", "images") = Link{"8", 0};
  std::vector<std::string> seen;
  for (const Problem& problem : found())
    seen.push_back(problem.node + "." + problem.socket + " " + problem.kind);
  EXPECT_THAT(seen, ElementsAre("1. missing_node_type", "3.steps value_bigger_than_max",
                                "3.sampler_name value_not_in_list", "4.samples return_type_mismatch",
                                "5.images dangling_link"));
  const std::string text = GraphError(found()).what();
  EXPECT_THAT(
      text, AllOf(HasSubstr("5 problems"),
                  HasSubstr("node 3 (Sample), input 'steps': expected an integer from 1 to 100, got 1000")));
}

TEST_F(CheckTest, WithOutputsLooksOnlyAtWhatTheyNeed) {
  input("5", "images") = Link{"8", 0};
  const std::vector<std::string> decode = {"4"}, save = {"5"}, absent = {"44"};
  EXPECT_THAT(check(stubs.registry, graph, decode), IsEmpty());
  EXPECT_EQ(check(stubs.registry, graph, save).size(), 1u);
  EXPECT_THROW(check(stubs.registry, graph, absent), std::invalid_argument);
}

struct Conversion {
  Input given;
  bool legal;
};

TEST_F(CheckTest, ConvertsScalarsWithoutLosingAnything) {
  const auto try_all = [&](const std::string& name, const std::vector<Conversion>& cases) {
    for (const auto& [given, legal] : cases) {
      graph = video_graph("out.txt");
      input("3", name) = given;
      EXPECT_EQ(found().empty(), legal) << name << " = " << input_text(given);
    }
  };
  try_all("steps", {{int64_t{5}, true},
                    {5.0, true},
                    {5.5, false},
                    {true, true},
                    {"5", true},
                    {"5.0", false},
                    {"", false},
                    {uint64_t{1} << 63, false}});
  try_all(
      "cfg",
      {{int64_t{5}, true}, {"2.5", true}, {true, true}, {"high", false}, {"nan", false}, {"1e999", false}});
  try_all("add_noise", {{true, true}, {int64_t{0}, true}, {0.5, true}, {"false", true}, {"enable", false}});
  try_all("sampler_name", {{"ddim", true}, {int64_t{1}, false}, {true, false}});
  try_all("seed", {{uint64_t{18446744073709551615u}, true},
                   {int64_t{-1}, false},
                   {3.0, true},
                   {"18446744073709551615", true}});
  graph = video_graph("out.txt");
  input("2", "text") = 2.5;
  EXPECT_THAT(found(), IsEmpty()) << "texts take numbers";
}

TEST_F(CheckTest, MatchesUnionsAndAnything) {
  stubs.add({"Either", {{"value", "LATENT,IMAGE"}}, {}, true}, {});
  stubs.add({"Wild", {}, {{"out", "*"}}}, {});
  graph.nodes.push_back({"6", "Either", {{"value", Link{"3", 0}}}, ""});
  graph.nodes.push_back({"7", "Either", {{"value", Link{"4", 0}}}, ""});
  graph.nodes.push_back({"8", "Either", {{"value", Link{"9", 0}}}, ""});
  graph.nodes.push_back({"9", "Wild", {}, ""});
  graph.nodes.push_back({"10", "Show", {{"source", Link{"1", 0}}}, ""});
  EXPECT_THAT(found(), IsEmpty());
  graph.nodes.push_back({"11", "Either", {{"value", Link{"2", 0}}}, ""});
  EXPECT_PROBLEM(only(), "11", "value", "return_type_mismatch");
}

TEST_F(CheckTest, HandlesTheLargestGraphsInTime) {
  const auto start = std::chrono::steady_clock::now();
  graph.nodes.clear();
  graph.nodes.push_back({"0", "Add", {{"a", 1.0}, {"b", 1.0}}, ""});
  for (int i = 1; i < 9'999; ++i) {  // a chain: recursion would exhaust the stack
    graph.nodes.push_back({std::to_string(i),
                           "Add",
                           {{"a", Link{std::to_string(i - 1), 0}}, {"b", Link{std::to_string(i / 2), 0}}},
                           ""});
  }
  graph.nodes.push_back({"end", "Show", {{"source", Link{"9998", 0}}}, ""});
  EXPECT_THAT(found(), IsEmpty());
  graph.find("0")->inputs["a"] = Link{"9998", 0};
  EXPECT_EQ(only().kind, "dependency_cycle");
  for (Node& node : graph.nodes) node.spec = "Nothing like it", node.inputs.clear();
  EXPECT_EQ(found().size(), 1001u) << "the list ends at 1,000, and no output is one more";
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 20);
}

TEST_F(CheckTest, TheOrderOfExecutionPutsSourcesFirstAndTheFirstOutputEarly) {
  graph.nodes.insert(graph.nodes.begin(), {"0", "Show", {{"source", Link{"2", 0}}}, ""});
  std::vector<std::string> ids;
  for (const size_t i : order_of_execution(stubs.registry, graph, wanted_nodes(stubs.registry, graph, {})))
    ids.push_back(graph.nodes[i].id);
  EXPECT_THAT(ids, ElementsAre("1", "2", "0", "3", "4", "5"));
}

}  // namespace reel::pipeline::check_test
