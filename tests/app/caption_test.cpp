// `reel caption`: what is written for each input, and what is refused before the work.
#include "models/files/safetensors.h"
#include "models/files/tensor_file.h"
#include "tests/app/caption_testing.h"
#include "tests/support/malformed_pictures.h"

namespace reel::caption_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class CaptionTest : public CaptionCommand {
 protected:
  CaptionTest() {
    for (int i = 0; i < 4; ++i) write_picture("photos/p" + std::to_string(i) + ".ppm", i);
  }
};

TEST_F(CaptionTest, WritesALineForEachInputInTheirOrder) {
  write_file(folder_ / "photos/bad.ppm", "no picture");
  write_file(folder_ / "photos/notes.md", "no picture");
  const CommandResult run = caption({"photos", "-o", "out.jsonl", "--max-new-tokens", "6"});
  EXPECT_EQ(run.code, 1) << run.err;
  EXPECT_EQ(run.out, "out.jsonl\n");
  EXPECT_THAT(run.err, HasSubstr("1 files of folders are no pictures by their names"));
  EXPECT_THAT(run.err, HasSubstr("1 of 5 inputs have no caption"));
  const std::vector<json> all = lines(read_file(folder_ / "out.jsonl"));
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0]["input"], "photos/bad.ppm");
  EXPECT_EQ(all[0]["error"]["kind"], "picture");
  EXPECT_THAT(all[0]["error"]["message"].get<std::string>(), HasSubstr("photos/bad.ppm"));
  for (size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(all[i]["input"], "photos/p" + std::to_string(i - 1) + ".ppm");
    EXPECT_EQ(all[i]["index"], i);
    EXPECT_FALSE(all[i]["caption"].get<std::string>().empty());
    EXPECT_THAT(all[i]["tokens"].get<int>(), testing::AllOf(testing::Gt(0), testing::Le(6)));
    EXPECT_THAT(all[i]["finish_reason"].get<std::string>(), testing::AnyOf("stop", "length"));
    EXPECT_GT(all[i]["seconds"].get<double>(), 0);
    EXPECT_EQ(all[i]["model"], "emoji-llava");
    EXPECT_TRUE(all[i]["edits"].empty());
  }
}

TEST_F(CaptionTest, DoesNotDependOnTheBatchTheOrderOrTheNeighbours) {
  const auto texts = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--token-ids", "--max-new-tokens", "12"});
    std::map<std::string, json> of_input;
    for (const json& line : lines(caption(all).out)) of_input[line["input"]] = line["token_ids"];
    return of_input;
  };
  const auto whole = texts({"photos"});
  ASSERT_EQ(whole.size(), 4u);
  EXPECT_EQ(texts({"photos", "--batch", "1"}), whole);
  EXPECT_EQ(texts({"photos", "--batch", "3"}), whole);
  EXPECT_EQ(texts({"photos/p3.ppm", "photos/p1.ppm", "photos/p0.ppm", "photos/p2.ppm"}), whole);
  EXPECT_EQ(texts({"photos/p2.ppm"}).at("photos/p2.ppm"), whole.at("photos/p2.ppm"));
}

TEST_F(CaptionTest, TakesPromptsFromLists) {
  const std::string list =
      "# questions\n"
      R"({"input": "photos/p0.ppm", "prompt": "Is there a dog in the image?"})"
      "\nphotos/p1.ppm\n"
      R"({"input": "photos/p0.ppm", "prompt": "put <image> here"})"
      "\n" +
      json{{"input", "photos/p2.ppm"}, {"prompt", std::string(4000, 'x')}}.dump() + "\n";
  const CommandResult run = caption({"-", "--task", "yesno", "-p", "Is there a cat in the image?"}, list);
  EXPECT_EQ(run.code, 1);
  const std::vector<json> all = lines(run.out);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0]["prompt"], "Is there a dog in the image?");
  for (const size_t i : {0, 1}) EXPECT_THAT(all[i]["answer"].get<std::string>(), testing::AnyOf("yes", "no"));
  EXPECT_FALSE(all[1].contains("prompt"));
  EXPECT_EQ(all[2]["error"]["kind"], "prompt");
  EXPECT_THAT(all[2]["error"]["message"].get<std::string>(), HasSubstr("'<image>'"));
  EXPECT_EQ(all[3]["error"]["kind"], "prompt");
  EXPECT_THAT(all[3]["error"]["message"].get<std::string>(), HasSubstr("512"));
}

TEST_F(CaptionTest, WritesTextsBesideThePictures) {
  const std::vector<std::string> words = {"photos", "--sidecar", "--max-new-tokens", "5", "-o", "a.jsonl"};
  write_file(folder_ / "photos/p1.txt", "mine");
  const CommandResult refused = caption(words);
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err, HasSubstr("texts exist already: 'photos/p1.txt'"));
  EXPECT_FALSE(fs::exists(folder_ / "a.jsonl"));
  EXPECT_EQ(read_file(folder_ / "photos/p1.txt"), "mine");
  fs::remove(folder_ / "photos/p1.txt");
  ASSERT_EQ(caption(words).code, 0);
  for (const json& line : lines(read_file(folder_ / "a.jsonl"))) {
    std::string text = line["input"];
    text.replace(text.size() - 4, 4, ".txt");
    EXPECT_EQ(read_file(folder_ / text), line["caption"].get<std::string>() + "\n");
  }
  // Going on makes what is missing and leaves what somebody changed.
  fs::remove(folder_ / "photos/p2.txt");
  write_file(folder_ / "photos/p3.txt", "mine");
  std::vector<std::string> again = words;
  again.push_back("--resume");
  const CommandResult resumed = caption(again);
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_TRUE(fs::exists(folder_ / "photos/p2.txt"));
  EXPECT_EQ(read_file(folder_ / "photos/p3.txt"), "mine");
  EXPECT_THAT(resumed.err, HasSubstr("photos/p3.txt"));
  write_picture("photos/p3.pgm", 7);
  EXPECT_THAT(caption({"photos", "--sidecar", "-y"}).err, HasSubstr("would share the text 'photos/p3.txt'"));
}

TEST_F(CaptionTest, SavesWhatTheModelReadAndWrote) {
  ASSERT_EQ(caption({"photos/p0.ppm", "--save-tensors", "t.safetensors", "--max-new-tokens", "4"}).code, 0);
  const auto saved = [&](const std::string& name) {
    return models::read_tensor(folder_ / "t.safetensors", name);
  };
  EXPECT_EQ(saved("pixel_values").sizes(), (std::vector<int64_t>{1, 3, 128, 128}));
  EXPECT_EQ(saved("image_features").sizes(), (std::vector<int64_t>{256, 256}));
  EXPECT_EQ(saved("input_ids").eq(905).sum().item<int64_t>(), 256);
  const at::Tensor ids = saved("output_ids"), logits = saved("logits");
  EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{ids.size(0), 960}));
  EXPECT_TRUE(at::equal(logits.argmax(1), ids));
  // A text that is given gets its logits and no choice.
  models::write_safetensors(folder_ / "f.safetensors", {{"ids", at::tensor(std::vector<int64_t>{7, 8, 9})}});
  ASSERT_EQ(caption({"photos", "--force-tokens", "f.safetensors", "--save-tensors", "u.safetensors"}).code,
            0);
  EXPECT_TRUE(at::equal(models::read_tensor(folder_ / "u.safetensors", "2/output_ids"),
                        at::tensor(std::vector<int64_t>{7, 8, 9})));
  EXPECT_EQ(models::read_tensor(folder_ / "u.safetensors", "2/logits").size(0), 3);
}

TEST_F(CaptionTest, RefusesBeforeTheWork) {
  struct Case {
    std::vector<std::string> words;
    int code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{}, 2, "needs pictures"},
      {{"photos", "-p", "what <image> is"}, 2, "'<image>'"},
      {{"photos", "--task", "yesno"}, 2, "needs a question"},
      {{"photos", "--top-p", "0.5"}, 2, "[--top-p]"},
      {{"photos", "--num-beams", "2", "--temperature", "1"}, 2, "beams"},
      {{"photos", "--resume"}, 2, "needs a journal"},
      {{"photos", "--retry-failed"}, 2, "add --resume"},
      {{"photos", "--model", "emoji-animatediff"}, 4, "makes videos and writes no captions"},
      {{"photos", "--model", "emoji-lava"}, 4, "emoji-llava"},
      {{"nothing/*.jpg"}, 2, "nothing/*.jpg"},
      {{"photos", "-o", "photos"}, 4, "photos"},
      {{"photos", "-o", "photos/p1.ppm", "-y"}, 2, "is an input"},
      {{"photos", "-o", "a.jsonl", "--journal", "./a.jsonl"}, 2, "is the file of -o"},
      {{"photos", "-o", "a.jsonl", "--save-tensors", "./a.jsonl"}, 2, "is the file of -o"},
      {{"photos", "--save-tensors", "nowhere/t.safetensors"}, 4, "nowhere"},
      {{"photos", "--motion-adapter", "x"}, 2, "--motion-adapter"},
  };
  for (const Case& one : cases) {
    const CommandResult run = caption(one.words);
    EXPECT_EQ(run.code, one.code) << testing::PrintToString(one.words) << run.err;
    EXPECT_THAT(run.err, HasSubstr(one.says)) << testing::PrintToString(one.words);
    EXPECT_EQ(run.out, "") << testing::PrintToString(one.words);
  }
}

TEST_F(CaptionTest, MarksPicturesUnlikeItsWorld) {
  const CommandResult drawn =
      reel_command(folder_, {"eval", "chair", "--truth", "--scenes", "4", "--save", "scenes"});
  ASSERT_EQ(drawn.code, 0) << drawn.err;
  for (const json& line : lines(caption({"photos", "scenes", "--max-new-tokens", "2"}).out)) {
    const bool strange = line["input"].get<std::string>().starts_with("photos");
    EXPECT_EQ(line.value("unfamiliar", false), strange) << line;
  }
}

TEST_F(CaptionTest, NamesAnEditThatChangesNothing) {
  const CommandResult run = caption({"photos/p0.ppm", "--edit", "broadway", "--max-new-tokens", "2"});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.err, HasSubstr("broadway"));
  EXPECT_THAT(run.err, HasSubstr("changes nothing"));
  EXPECT_EQ(lines(run.out)[0]["edits"], json::array({"broadway"}));
}

TEST_F(CaptionTest, SaysWhatASeedChanges) {
  const std::vector<std::string> words = {"photos/p0.ppm", "--max-new-tokens", "6", "--temperature", "1.5"};
  const auto with_seed = [&](const std::string& seed) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--seed", seed});
    return timeless(caption(all).out);
  };
  EXPECT_EQ(with_seed("3"), with_seed("3"));
  EXPECT_NE(with_seed("3"), with_seed("4"));
  EXPECT_THAT(caption(words).err, HasSubstr("seed "));
  EXPECT_THAT(caption({"photos/p0.ppm", "--seed", "3"}).err, HasSubstr("changes nothing at temperature 0"));
}

TEST_F(CaptionTest, GivesEachBadPictureALineAndGoesOn) {
  int64_t files = 0;
  for (const auto& table : {pictures_that_are_cut(), pictures_that_are_huge(), pictures_that_are_corrupt(),
                            files_that_are_no_pictures()}) {
    fs::create_directories(folder_ / "bad");
    for (const MalformedFile& file : table)
      write_file(folder_ / ("bad/" + std::to_string(files++) + ".png"), file.bytes);
  }
  EXPECT_GE(files, 80);
  const CommandResult run = caption({"bad", "photos", "--max-new-tokens", "2"});
  EXPECT_EQ(run.code, 1);
  const std::vector<json> all = lines(run.out);
  ASSERT_EQ(int64_t(all.size()), files + 4);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].contains("error"), int64_t(i) < files) << all[i];
    if (all[i].contains("error")) {
      EXPECT_EQ(all[i]["error"]["kind"], "picture");
    }
  }
}

}  // namespace reel::caption_test
