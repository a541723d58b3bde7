// Truth from COCO's annotations.
#include "pipeline/evaluation/hallucination/coco_truth.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "tests/support/temporary_folder.h"

namespace reel::evaluation::coco_truth_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::ThrowsMessage;

class CocoTruthTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return folder / name;
  }
  CocoTruth read(const std::vector<std::string>& files) {
    std::istringstream words("dog, puppy\nboat, ship\ntraffic light, stop light\n");
    return read_coco_truth(files, ObjectWords(words, "words"));
  }
  const TemporaryFolder folder;
};

TEST_F(CocoTruthTest, JoinsInstancesAndCaptions) {
  const std::string instances = file("instances_val2014.json", R"({
    "info": {"id": 5, "name": "x", "contributors": [[1, 2], {"id": 3}]},
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9}],
    "annotations": [{"id": 1, "image_id": 7, "category_id": 18, "segmentation": [[1.5, 2]], "bbox": [1, 2, 3, 4], "iscrowd": 0},
                    {"id": 2, "image_id": 7, "category_id": 18, "segmentation": {"counts": [1], "size": [2, 3]}, "iscrowd": 1},
                    {"id": 3, "image_id": 8, "category_id": 10}],
    "categories": [{"supercategory": "animal", "id": 18, "name": "dog"}, {"id": 10, "name": "traffic light"}]})");
  const std::string captions =
      file("captions_val2014.json",
           R"({"annotations": [{"image_id": 7, "id": 4, "caption": "Two puppies and a ship."},
                                        {"image_id": 8, "id": 5, "caption": "A stop light."}]})");
  EXPECT_THAT(read({instances, captions}),
              ElementsAre(Pair(7, ElementsAre("boat", "dog")), Pair(8, ElementsAre("traffic light")),
                          Pair(9, IsEmpty())));
}

TEST_F(CocoTruthTest, RefusesOtherFilesByName) {
  const auto refuses = [&](const std::string& text, const std::string& words) {
    const std::string path = file("x.json", text);
    EXPECT_THAT([&] { read({path}); }, ThrowsMessage<std::runtime_error>(HasSubstr(words)));
  };
  refuses("[1, 2]", "has no annotations");
  refuses("{\"annotations\": [{\"image_id\": 1}", "is no JSON of COCO");
  refuses(std::string(100, '['), "is no JSON of COCO");
  refuses(
      R"({"annotations": [{"image_id": 1, "category_id": 3}], "categories": [{"id": 3, "name": "yeti"}]})",
      "has the category 'yeti'");
}

TEST_F(CocoTruthTest, ReadsThePicturesIdFromItsName) {
  EXPECT_EQ(coco_picture_id("val/COCO_val2014_000000123456.jpg"), 123456);
  EXPECT_THROW(coco_picture_id("photo.jpg"), std::runtime_error);
}

}  // namespace reel::evaluation::coco_truth_test
