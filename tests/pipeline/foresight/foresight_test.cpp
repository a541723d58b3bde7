// What is said of a graph before it runs.
#include "pipeline/foresight/graph_foresight.h"

#include <gmock/gmock.h>

#include "pipeline/engine.h"
#include "pipeline/graph/graph_reader.h"
#include "pipeline/process_memory.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::foresight_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

const std::string kModel = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";

class ForesightTest : public testing::Test {
 protected:
  ForesightTest() {
    add(R"("model":{"class_type":"DiffusersLoader","inputs":{"model_path":")" + kModel + R"("}})");
    add(R"("text":{"class_type":"CLIPTextEncode","inputs":{"clip":["model",1],"text":"a fox"}})");
    size(24, 16, 4);
    add(R"("sampler":{"class_type":"KSampler","inputs":{"model":["model",0],"positive":["text",0],)"
        R"("negative":["text",0],"latent_image":["latent",0],"steps":2,"cfg":5.0,"seed":1}})");
    add(R"("decode":{"class_type":"VAEDecode","inputs":{"samples":["sampler",0],"vae":["model",2]}})");
    add(R"("video":{"class_type":"CreateVideo","inputs":{"images":["decode",0],"fps":8.0}})");
    write("a.y4m");
  }
  void add(const std::string& node) { nodes_[node.substr(0, node.find(':'))] = node; }
  void size(int width, int height, int frames) {
    add(R"("latent":{"class_type":"EmptyLatentVideo","inputs":{"width":)" + std::to_string(width) +
        R"(,"height":)" + std::to_string(height) + R"(,"length":)" + std::to_string(frames) + "}}");
  }
  void write(const std::string& path, const std::string& video = "video") {
    add(R"("write":{"class_type":"WriteVideo","inputs":{"video":[")" + video + R"(",0],"path":")" + path +
        R"("}})");
  }
  Graph graph() const {
    std::string text;
    for (const auto& [id, node] : nodes_) text += (text.empty() ? "{" : ",") + node;
    return parse_graph(text + "}", "test");
  }
  std::vector<std::string> problems(const EngineOptions& options = {}) {
    std::vector<std::string> texts;
    for (const Problem& problem :
         Engine(plugins_, options)
             .foresee_problems(graph(), {.folder = folder_.path().string(), .replace = true}))
      texts.push_back(problem.text());
    return texts;
  }

  const std::unique_ptr<const Plugins> plugins_owner_ = every_plugin();
  const Plugins& plugins_ = *plugins_owner_;
  TemporaryFolder folder_;
  std::map<std::string, std::string> nodes_;
};

TEST_F(ForesightTest, ASoundGraphHasNoProblems) { EXPECT_THAT(problems(), IsEmpty()); }

TEST_F(ForesightTest, NamesTheShapeOfAVideo) {
  EXPECT_THAT(Engine(plugins_, {}).foresee_frames(graph(), "video"), Optional(ElementsAre(4, 16, 24, 3)));
  EXPECT_EQ(Engine(plugins_, {}).foresee_frames(graph(), "text"), std::nullopt);
}

TEST_F(ForesightTest, ListsAllThatCanBeKnownAtOnce) {
  size(25, 16, 4);
  write("a.mp5");
  add(R"("other":{"class_type":"SaveVideo","inputs":{"video":["video",0],"filename_prefix":"../x"}})");
  EXPECT_THAT(problems(), testing::UnorderedElementsAre(HasSubstr("node sampler"), HasSubstr(".mp5"),
                                                        HasSubstr("leads elsewhere")));
  size(24, 16, 4096);
  write("absent/a.y4m");
  EXPECT_THAT(problems(), testing::UnorderedElementsAre(HasSubstr("this model takes 1 to"),
                                                        HasSubstr("needs a folder that exists"), testing::_));
}

TEST_F(ForesightTest, NamesUnknownModelsAndBadSchedulers) {
  add(R"("model":{"class_type":"DiffusersLoader","inputs":{"model_path":"no-such-model"}})");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("no-such-model")));
  add(R"("model":{"class_type":"DiffusersLoader","inputs":{"model_path":")" + kModel + R"("}})");
  add(R"("sampler":{"class_type":"KSampler","inputs":{"model":["model",0],"positive":["text",0],)"
      R"("negative":["text",0],"latent_image":["latent",0],"sampler_options":"etta=1"}})");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("etta")));
}

// Each picture is twice as wide as the one before: 2^40 pictures' worth of memory from a file of 4 kB.
TEST_F(ForesightTest, RefusesPicturesThatDoubleBeyondTheMachine) {
  std::string last = "decode";
  for (int i = 0; i < 40; ++i) {
    const std::string id = "double" + std::to_string(i);
    add("\"" + id + R"(":{"class_type":"ImagesSideBySide","inputs":{"left":[")" + last +
        R"(",0],"right":[")" + last + R"(",0]}})");
    last = id;
  }
  add(R"("video":{"class_type":"CreateVideo","inputs":{"images":[")" + last + R"(",0],"fps":8.0}})");
  EXPECT_THAT(problems(), ElementsAre(AllOf(HasSubstr("would need about"), HasSubstr("this machine has"))));
  const int64_t before = process_memory().peak;
  try {
    Engine(plugins_, {}).run({.graph = graph(), .access = {.folder = folder_.path().string()}});
    ADD_FAILURE() << "it ran";
  } catch (const TooLittleMemory& error) {
    EXPECT_THAT(error.what(), HasSubstr("GB of memory"));
  }
  EXPECT_LT(process_memory().peak - before, int64_t{200} << 20) << "nothing was computed";
}

TEST_F(ForesightTest, PlansNetworksWhereSizesAreWorthIt) {
  size(512, 512, 8);
  const int64_t now = process_memory().resident;
  EXPECT_THAT(problems({.host_bytes = now + (int64_t{40} << 20)}),
              ElementsAre(HasSubstr("would need about")));
  EXPECT_THAT(problems({.host_bytes = now + (int64_t{20} << 30)}), IsEmpty());
}

}  // namespace reel::pipeline::foresight_test
