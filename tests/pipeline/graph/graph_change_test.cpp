#include "pipeline/graph/graph_change.h"

#include <gmock/gmock.h>

#include "pipeline/graph/graph_diff.h"
#include "pipeline/graph/graph_draw.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/graph/graph_svg.h"
#include "tests/pipeline/stub_nodes.h"

namespace reel::pipeline::graph_edit_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class GraphEditTest : public testing::Test {
 protected:
  StubNodes stubs;
  const NodeRegistry& registry = stubs.registry;
  const Graph graph = video_graph("out.txt");

  template <class Work>
  std::string error_of(Work work) {
    try {
      work();
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(GraphEditTest, AddsANodeUnderTheNextNumberWithTypedValues) {
  const Graph copy = graph;
  const Graph edited = add_node(registry, graph, "Sample", "",
                                {{"steps", "12"},
                                 {"cfg", "7"},
                                 {"seed", "18446744073709551615"},
                                 {"add_noise", "false"},
                                 {"sampler_name", "ddim"},
                                 {"model", "1"}});
  EXPECT_EQ(graph, copy) << "the given graph is unchanged";
  ASSERT_EQ(edited.nodes.size(), 6u);
  const Node& node = edited.nodes.back();
  EXPECT_EQ(node.id, "6");
  EXPECT_EQ(node.inputs.at("steps"), Input(int64_t{12}));
  EXPECT_EQ(node.inputs.at("cfg"), Input(7.0)) << "a FLOAT stays one in the file";
  EXPECT_EQ(node.inputs.at("seed"), Input(uint64_t{18446744073709551615u}));
  EXPECT_EQ(node.inputs.at("add_noise"), Input(false));
  EXPECT_EQ(node.inputs.at("sampler_name"), Input(std::string("ddim")));
  EXPECT_EQ(node.inputs.at("model"), Input(Link{"1", 0}));
}

TEST_F(GraphEditTest, AddsUnderAGivenId) {
  EXPECT_EQ(add_node(registry, graph, "Number", "scale", {}).nodes.back().id, "scale");
  EXPECT_EQ(add_node(registry, Graph{}, "Number", "", {}).nodes.back().id, "1");
  EXPECT_THAT(error_of([&] { add_node(registry, graph, "Number", "3", {}); }),
              HasSubstr("next free number is 6"));
}

TEST_F(GraphEditTest, AddRefusesWhatTheClassDoesNotKnow) {
  EXPECT_THAT(error_of([&] { add_node(registry, graph, "Sampel", "", {}); }),
              HasSubstr("did you mean 'Sample'?"));
  EXPECT_THAT(error_of([&] {
                add_node(registry, graph, "Sample", "", {{"stesp", "3"}});
              }),
              HasSubstr("did you mean 'steps'?"));
  EXPECT_THAT(error_of([&] {
                add_node(registry, graph, "Sample", "", {{"steps", "0"}});
              }),
              HasSubstr("nearest legal value is 1"));
  EXPECT_THAT(error_of([&] {
                add_node(registry, graph, "Sample", "", {{"steps", "x"}});
              }),
              HasSubstr("an integer from 1 to 100"));
  EXPECT_THAT(error_of([&] {
                add_node(registry, graph, "Sample", "", {{"steps", "3"}, {"steps", "4"}});
              }),
              HasSubstr("twice"));
}

TEST_F(GraphEditTest, SetsAnInputByItsSocket) {
  const Graph edited = set_input(registry, graph, "2.text", "7");
  EXPECT_EQ(edited.find("2")->inputs.at("text"), Input(std::string("7"))) << "a STRING stays a text";
  EXPECT_EQ(graph, video_graph("out.txt"));
  EXPECT_EQ(set_input(registry, graph, "3.steps", "9").find("3")->inputs.at("steps"), Input(int64_t{9}));
  EXPECT_EQ(set_input(registry, graph, "3.positive", "2").find("3")->inputs.at("positive"),
            Input(Link{"2", 0}));
}

TEST_F(GraphEditTest, SetNamesWhatIsNotThere) {
  EXPECT_THAT(error_of([&] { set_input(registry, graph, "9.steps", "1"); }),
              HasSubstr("there are 1, 2, 3, 4, 5"));
  EXPECT_THAT(error_of([&] { set_input(registry, graph, "3.stpes", "1"); }),
              HasSubstr("did you mean 'steps'?"));
  EXPECT_THAT(error_of([&] { set_input(registry, graph, "3", "1"); }), HasSubstr("ID.input"));
  EXPECT_THAT(error_of([&] { set_input(registry, graph, "3.", "1"); }), HasSubstr("ID.input"));
  EXPECT_THAT(error_of([&] { set_input(registry, graph, "3.sampler_name", "eluer"); }),
              HasSubstr("did you mean 'euler'?"));
}

TEST_F(GraphEditTest, ReadsValuesOfUnknownClassesAsJson) {
  Graph foreign{{{"a.b", "Foreign", {}, ""}}};
  const auto set = [&](const std::string& text) {
    return set_input(registry, foreign, "a.b.x.y", text).nodes[0].inputs.at("x.y");
  };
  EXPECT_EQ(set("5"), Input(int64_t{5}));
  EXPECT_EQ(set("5.0"), Input(5.0));
  EXPECT_EQ(set("true"), Input(true));
  EXPECT_EQ(set("\"5\""), Input(std::string("5")));
  EXPECT_EQ(set("a cat"), Input(std::string("a cat")));
  EXPECT_EQ(set("[\"2\", 1]"), Input(Link{"2", 1}));
  EXPECT_EQ(set("{\"a\": 1}"), Input(RawJson{"{\"a\":1}"}));
  EXPECT_EQ(set("18446744073709551615"), Input(uint64_t{18446744073709551615u}));
  EXPECT_EQ(set("99999999999999999999"), Input(std::string("99999999999999999999")))
      << "no number that a graph can hold";
}

TEST_F(GraphEditTest, ConnectsByNumberByNameOrByType) {
  const auto vae = [&](const std::string& from) {
    return connect(registry, graph, from, "4.vae").find("4")->inputs.at("vae");
  };
  EXPECT_EQ(vae("1:2"), Input(Link{"1", 2}));
  EXPECT_EQ(vae("1:VAE"), Input(Link{"1", 2}));
  EXPECT_EQ(vae("1"), Input(Link{"1", 2})) << "the first output that fits";
  EXPECT_THAT(error_of([&] { vae("1:0"); }), AllOf(HasSubstr("[4.vae] expected VAE"), HasSubstr("MODEL")));
  EXPECT_THAT(error_of([&] { vae("1:3"); }), HasSubstr("there are MODEL, CLIP, VAE"));
  EXPECT_THAT(error_of([&] { vae("1:VEA"); }), HasSubstr("did you mean 'VAE'?"));
  EXPECT_THAT(error_of([&] { vae("7"); }), HasSubstr("a node of the graph"));
  EXPECT_THAT(error_of([&] { connect(registry, graph, "1", "4.vea"); }), HasSubstr("did you mean 'vae'?"));
}

TEST_F(GraphEditTest, ConnectsNodesWhoseIdsHoldColons) {
  Graph nested = graph;
  nested.nodes[0].id = "1:34";
  EXPECT_EQ(connect(registry, nested, "1:34:2", "4.vae").find("4")->inputs.at("vae"), Input(Link{"1:34", 2}));
  EXPECT_EQ(connect(registry, nested, "1:34", "4.vae").find("4")->inputs.at("vae"), Input(Link{"1:34", 2}));
}

TEST_F(GraphEditTest, RemovalTellsWhatItLeavesUnconnected) {
  std::vector<std::string> unconnected;
  const Graph edited = remove_node(graph, "1", unconnected);
  EXPECT_EQ(edited.nodes.size(), 4u);
  EXPECT_THAT(unconnected, ElementsAre("2.clip", "3.model", "4.vae"));
  EXPECT_EQ(edited.find("4")->inputs.count("vae"), 0u);
  EXPECT_EQ(graph.nodes.size(), 5u);
  EXPECT_THAT(error_of([&] { remove_node(graph, "x", unconnected); }), HasSubstr("a node of the graph"));
}

TEST_F(GraphEditTest, AnEditChangesOneLineOfTheFile) {
  const std::string before = write_graph(graph);
  const std::string after = write_graph(set_input(registry, graph, "3.steps", "9"));
  size_t different = 0;
  std::istringstream a(before), b(after);
  for (std::string line_a, line_b; std::getline(a, line_a) && std::getline(b, line_b);)
    different += line_a != line_b;
  EXPECT_EQ(different, 1u);
  EXPECT_EQ(std::count(before.begin(), before.end(), '\n'), std::count(after.begin(), after.end(), '\n'));
}

TEST_F(GraphEditTest, TextShowsNodesInOrderOfExecution) {
  Graph shuffled = graph;
  std::reverse(shuffled.nodes.begin(), shuffled.nodes.end());
  shuffled.find("3")->title = "the sampler";
  EXPECT_EQ(draw_text(registry, shuffled),
            "1  Load: name=\"merged_ddim\"  -> MODEL, CLIP, VAE\n"
            "2  Encode: clip <- 1.CLIP, text=\"a cat\"  -> CONDITIONING\n"
            "3  Sample \"the sampler\": model <- 1.MODEL, positive <- 2, seed=7, steps=4  -> LATENT\n"
            "4  Decode: samples <- 3, vae <- 1.VAE  -> IMAGE\n"
            "5  Save: images <- 4, path=\"out.txt\"  => output\n");
}

TEST_F(GraphEditTest, BrokenGraphsAreDrawnToo) {
  Graph broken = graph;
  broken.find("2")->spec = "Nothing\x1b[31m";
  broken.find("3")->inputs["model"] = Link{"99", 0};
  broken.find("4")->inputs["vae"] = Link{"1", 9};
  broken.find("4")->inputs["samples"] = Link{"4", 0};  // a cycle
  const std::string text = draw_text(registry, broken);
  EXPECT_THAT(text, AllOf(HasSubstr("Nothing\\x1b[31m (unknown class)"), HasSubstr("model <- 99 (missing)"),
                          HasSubstr("vae <- 1:9 (missing)")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(draw_dot(registry, broken), HasSubstr("99 (missing)"));
  EXPECT_THAT(draw_svg(registry, broken), HasSubstr("99 (missing)"));
}

TEST_F(GraphEditTest, DotEscapesQuotesBackslashesAndLineBreaks) {
  const Graph edited = set_input(registry, graph, "2.text", "say \"hi\" \\ and\nmore");
  const std::string dot = draw_dot(registry, edited);
  // JSON's own escapes (\" \\ \n), each escaped once more for DOT.
  EXPECT_THAT(dot, HasSubstr(R"(text=\"say \\\"hi\\\" \\\\ and\\nmore\")"));
  EXPECT_THAT(dot, AllOf(HasSubstr("digraph reel {"), HasSubstr("n0 -> n1 [label=\"clip\"]"),
                         HasSubstr("peripheries=2")));
  // Every line that opens a string closes it.
  std::istringstream lines(dot);
  for (std::string line; std::getline(lines, line);) {
    bool open = false;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\' && open)
        ++i;
      else if (line[i] == '"')
        open = !open;
    }
    EXPECT_FALSE(open) << line;
  }
}

TEST_F(GraphEditTest, SvgEscapesMarkup) {
  Graph edited = set_input(registry, graph, "2.text", "<script>alert('x')</script> & \"more\"");
  edited.find("3")->title = "</text><script>";
  const std::string svg = draw_svg(registry, edited);
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;alert(&#39;"));
  EXPECT_EQ(svg.rfind("<svg ", 0), 0u);
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  size_t boxes = 0, curves = 0;
  for (size_t at = 0; (at = svg.find("<rect x", at)) != std::string::npos; ++at) ++boxes;
  for (size_t at = 0; (at = svg.find("<path ", at)) != std::string::npos; ++at) ++curves;
  EXPECT_EQ(boxes, 6u) << "five nodes and the background";
  EXPECT_EQ(curves, 6u) << "one per link";
}

TEST_F(GraphEditTest, DiffIgnoresOrderTitlesNumberingAndHowNumbersAreWritten) {
  Graph other = graph;
  std::reverse(other.nodes.begin(), other.nodes.end());
  other.find("3")->title = "x";
  other.find("3")->inputs["steps"] = 4.0;
  EXPECT_THAT(diff(graph, other), IsEmpty());
  for (Node& node : other.nodes) {
    node.id = "n" + node.id;
    for (auto& [name, input] : node.inputs) {
      if (auto* link = std::get_if<Link>(&input)) link->node = "n" + link->node;
    }
  }
  EXPECT_THAT(diff(graph, other), IsEmpty()) << "renumbered";
}

TEST_F(GraphEditTest, DiffNamesChangedConstantsOnce) {
  EXPECT_THAT(diff(graph, set_input(registry, graph, "3.steps", "9")), ElementsAre("3.steps: 4 -> 9"));
  Graph absent = graph;
  absent.find("3")->inputs.erase("seed");
  EXPECT_THAT(diff(graph, absent), ElementsAre("3.seed: 7 -> nothing"));
  EXPECT_THAT(diff(absent, graph), ElementsAre("3.seed: nothing -> 7"));
  EXPECT_THAT(diff(graph, set_input(registry, graph, "2.text", "a dog")),
              ElementsAre("2.text: \"a cat\" -> \"a dog\""));
}

TEST_F(GraphEditTest, DiffNamesAddedRemovedAndReplacedNodes) {
  Graph other = add_node(registry, graph, "Encode", "", {{"clip", "1"}, {"text", "a dog"}});
  EXPECT_THAT(diff(graph, other), ElementsAre("+ node 6 (Encode): clip=1:1, text=\"a dog\""));
  EXPECT_THAT(diff(other, graph), ElementsAre("- node 6 (Encode)"));
  other = connect(registry, other, "6", "3.positive");
  EXPECT_THAT(diff(graph, other),
              ElementsAre("3.positive: 2:0 -> 6:0", "+ node 6 (Encode): clip=1:1, text=\"a dog\""));
  other = graph;
  other.find("2")->spec = "Number";
  EXPECT_THAT(diff(graph, other), ElementsAre("2: Encode -> Number"));
}

TEST_F(GraphEditTest, DiffFollowsARenumberedNodeThatChanged) {
  Graph other = set_input(registry, graph, "3.steps", "9");
  other.find("3")->id = "30";
  other.find("4")->inputs["samples"] = Link{"30", 0};
  EXPECT_THAT(diff(graph, other), ElementsAre("3 (now 30).steps: 4 -> 9"));
}

TEST_F(GraphEditTest, DiffKeepsTypesApart) {
  Graph text = graph;
  text.find("3")->inputs["steps"] = "4";
  EXPECT_THAT(diff(graph, text), ElementsAre("3.steps: 4 -> \"4\""));
}

}  // namespace reel::pipeline::graph_edit_test
