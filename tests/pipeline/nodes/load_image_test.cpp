// LoadImage: a file as values between 0 and 1.
#include <gmock/gmock.h>

#include "pipeline/foresight/foresight.h"
#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::load_image_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// Two rows of three pixels: 0, 1, 2, ... 17.
std::string ppm() {
  std::string file = "P6 3 2 255\n";
  for (int i = 0; i < 18; ++i) file += static_cast<char>(i);
  return file;
}

TEST(LoadImageTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("LoadImage"), ElementsAre("image: STRING, file", "-> IMAGE"));
}

TEST(LoadImageTest, GivesOnePictureInZeroToOne) {
  const TemporaryFolder folder;
  write_file(folder / "a.ppm", ppm());
  const at::Tensor pixels = NodeBench().get<Images>("LoadImage", {{"image", folder / "a.ppm"}}).pixels;
  ASSERT_EQ(pixels.sizes(), at::IntArrayRef({1, 2, 3, 3}));
  EXPECT_EQ(pixels.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(pixels.flatten(), at::arange(18, at::kFloat) / 255));
}

TEST(LoadImageTest, NamesTheFileThatItCannotRead) {
  const TemporaryFolder folder;
  write_file(folder / "a.png", "<html>not found</html>");
  const auto refusal = [&](const std::string& path) {
    return NodeBench().refusal<std::runtime_error>("LoadImage", {{"image", path}});
  };
  EXPECT_THAT(refusal(folder / "a.png"), AllOf(HasSubstr("a.png] is an HTML page")));
  EXPECT_THAT(refusal(folder / "b.png"), HasSubstr("b.png] does not exist"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("got a folder"));
}

TEST(LoadImageTest, ForeseesTheSizeAndTheFault) {
  const TemporaryFolder folder;
  write_file(folder / "a.ppm", ppm());
  write_file(folder / "cut.ppm", ppm().substr(0, 20));
  NodeBench bench;
  Foresight foresight(bench.context);
  Node node;
  node.id = "1", node.spec = "LoadImage";
  foresight.look(node, bench.node("LoadImage"), {{"image", Value(folder / "a.ppm")}}, {}, 1);
  ASSERT_TRUE(foresight.faults().empty());
  EXPECT_EQ(std::get<Images>(foresight.value("1", 0)).pixels.sizes(), at::IntArrayRef({1, 2, 3, 3}));
  node.id = "2";
  foresight.look(node, bench.node("LoadImage"), {{"image", Value(folder / "cut.ppm")}}, {}, 1);
  ASSERT_EQ(foresight.faults().size(), 1U);
  EXPECT_THAT(foresight.faults()[0].problem.text(), HasSubstr("is a damaged PNM: it is cut off"));
}

}  // namespace reel::pipeline::load_image_test
