#include <gmock/gmock.h>

#include "pipeline/run/edit_nodes.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline::edit_nodes_test {

using testing::ElementsAre;
using testing::HasSubstr;

/// An edit with an option of every type and a preset.
struct Tint : attention::Edit {
  struct Options {
    double alpha = 0.5;
    int layers = 3;
    bool pooled = false;
    std::string mode = "plain";
  };
  explicit Tint(Options) {}
  attention::Hooks hooks() const override { return {}; }
};

class EditNodesTest : public testing::Test {
 protected:
  attention::EditRegistry edits;
  NodeRegistry nodes;

  EditNodesTest() {
    edits.add<Tint>("tint", "TintAttention", "Tints.", "A paper, 2024")
        .param("alpha", &Tint::Options::alpha, "strength", Range{0, 1})
        .param("layers", &Tint::Options::layers, "how many", Range{1, 9})
        .param("pooled", &Tint::Options::pooled, "whether to pool")
        .param("mode", &Tint::Options::mode, "which way", {}, {"plain", "fancy"})
        .preset("paper", {{"alpha", 0.9}, {"mode", std::string("fancy")}})
        .where("kind=temporal");
    edits.add<Tint>("simple", "Simple", "No options.", "");
    add_edit_nodes(nodes, edits);
  }

  attention::EditRule rule_of(const std::string& spec, std::map<std::string, Value> values,
                              ModelHandle model = {}) {
    const NodeSpec& node = nodes.get("node", spec);
    for (const Socket& socket : node.inputs) {
      if (!socket.default_value || values.count(socket.name)) continue;
      std::visit([&](const auto& value) { values[socket.name] = value; }, *socket.default_value);
    }
    values["model"] = model;
    RunContext context;
    const auto result = node.run(Inputs(std::move(values)), context);
    return std::get<ModelHandle>(result.at(0)).edits.back();
  }
};

TEST_F(EditNodesTest, ADeclarationBecomesSockets) {
  const NodeSpec& node = nodes.get("node", "TintAttention");
  std::vector<std::string> sockets;
  for (const Socket& socket : node.inputs) sockets.push_back(socket.name + ":" + socket.type);
  EXPECT_THAT(sockets, ElementsAre("model:MODEL", "preset:COMBO", "alpha:FLOAT", "layers:INT",
                                   "pooled:BOOLEAN", "mode:COMBO", "selector:STRING"));
  EXPECT_EQ(node.input("alpha")->range->high, 1);
  EXPECT_THAT(node.input("preset")->choices, ElementsAre("none", "paper"));
  EXPECT_THAT(node.input("selector")->help, HasSubstr("kind=temporal"));
  EXPECT_EQ(node.spec.source, "A paper, 2024");
  EXPECT_FALSE(node.sink);
  ASSERT_EQ(node.outputs.size(), 1u);
  EXPECT_EQ(node.outputs[0].type, "MODEL");
}

TEST_F(EditNodesTest, APresetSocketExistsOnlyWithPresets) {
  EXPECT_EQ(nodes.get("node", "Simple").input("preset"), nullptr);
  EXPECT_EQ(rule_of("Simple", {}).text, "simple");
}

TEST_F(EditNodesTest, OptionsAndSelectorReachTheRule) {
  const attention::EditRule rule =
      rule_of("TintAttention", {{"alpha", 0.25}, {"selector", std::string("steps=0-20%")}});
  EXPECT_EQ(rule.text, "tint:alpha=0.25@steps=0-20%");
  EXPECT_EQ(rule.where.text(), "kind=temporal steps=0-20%");
}

TEST_F(EditNodesTest, OptionsAtTheirDefaultYieldToThePreset) {
  EXPECT_EQ(rule_of("TintAttention", {{"preset", std::string("paper")}}).text, "tint:alpha=0.9,mode=fancy");
  EXPECT_EQ(rule_of("TintAttention", {{"preset", std::string("paper")}, {"alpha", 0.1}}).text,
            "tint:alpha=0.1,mode=fancy");
}

TEST_F(EditNodesTest, EditsChainAndLeaveTheirInputUnchanged) {
  ModelHandle model;
  model.folder = std::make_shared<models::ModelFolder>();
  model.edits = {edits.parse("simple")};
  const NodeSpec& node = nodes.get("node", "Simple");
  RunContext context;
  const auto result = node.run(Inputs({{"model", model}, {"selector", std::string()}}), context);
  EXPECT_EQ(std::get<ModelHandle>(result[0]).edits.size(), 2u);
  EXPECT_EQ(std::get<ModelHandle>(result[0]).folder, model.folder);
  EXPECT_EQ(model.edits.size(), 1u);
}

TEST_F(EditNodesTest, BadSelectorsAreRefused) {
  EXPECT_THROW(rule_of("Simple", {{"selector", std::string("nonsense=1")}}), std::invalid_argument);
}

}  // namespace reel::pipeline::edit_nodes_test
