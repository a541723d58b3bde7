// `reel models` on folders that hold captioners, and verbs that make videos.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "models/files/safetensors.h"
#include "tests/support/command.h"

namespace reel::captioner_folders_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const std::string kGolden = std::string(REEL_GOLDEN) + "/llava/";

class CaptionerFolderTest : public testing::Test {
 protected:
  /// A copy of a tiny folder, complete.
  std::string folder(const std::string& name) {
    const fs::path copy = folder_.path() / name;
    fs::copy(kGolden + name, copy, fs::copy_options::recursive);
    for (const char* file : {"tokenizer.json", "preprocessor_config.json"})
      write_file((copy / file).string(), "{}");
    return copy.string();
  }
  CommandResult reel(const std::vector<std::string>& words) { return reel_command(folder_, words); }
  TemporaryFolder folder_;
};

TEST_F(CaptionerFolderTest, AreListedDescribedAndChecked) {
  for (const std::string name :
       {"gqa_llama3_full", "tied_linear_bf16_sharded", "bias_mqa_f16_bin", "original"}) {
    const std::string path = folder(name);
    const CommandResult info = reel({"models", "info", path, "--json"});
    ASSERT_EQ(info.code, 0) << info.err;
    const json document = json::parse(info.out);
    EXPECT_EQ(document["pipeline"], "LlavaForConditionalGeneration");
    EXPECT_EQ(document["components"]["captioner"]["family"], "llava");
    EXPECT_GT(document["parameters"], 20'000);
    EXPECT_FALSE(document.contains("scheduler"));
    EXPECT_THAT(reel({"models", "info", path}).out, HasSubstr("writes captions"));
    const CommandResult check = reel({"models", "check", path});
    EXPECT_EQ(check.code, 0) << check.out << check.err;
    EXPECT_THAT(check.out, HasSubstr("ok"));
  }
  const CommandResult list = reel({"models", "list", "--models-dir", "."});
  EXPECT_THAT(list.out, HasSubstr("bias_mqa_f16_bin  LlavaForConditionalGeneration"));
}

TEST_F(CaptionerFolderTest, AreCheckedStrictly) {
  const std::string path = folder("gqa_llama3_full");
  const auto file = models::SafetensorsFile::open(path + "/model.safetensors");
  std::map<std::string, at::Tensor> tensors;
  for (const auto& entry : file->tensors())
    tensors[entry.first] = models::SafetensorsFile::view(file, entry.first).clone();
  tensors.erase("language_model.model.norm.weight");
  tensors["stranger"] = at::ones({3});
  fs::remove(path + "/model.safetensors");
  models::write_safetensors(path + "/model.safetensors", tensors);
  const CommandResult check = reel({"models", "check", path});
  EXPECT_EQ(check.code, 4);
  EXPECT_THAT(check.out, HasSubstr("captioner: missing: language_model.norm.weight [40]"));
  EXPECT_THAT(check.out, HasSubstr("captioner: unexpected: stranger [3]"));
  fs::remove(path + "/tokenizer.json");
  EXPECT_THAT(reel({"models", "check", path}).out, HasSubstr("folder: has neither tokenizer.json"));
}

TEST_F(CaptionerFolderTest, MakeNoVideos) {
  const std::string path = folder("gqa_llama3_full");
  const CommandResult made = reel({"generate", "a fox", "--model", path, "-o", "a.y4m"});
  EXPECT_EQ(made.code, 4);
  EXPECT_THAT(made.err, HasSubstr("writes captions of pictures and makes no videos"));
  EXPECT_FALSE(fs::exists(folder_.path() / "a.y4m"));
}

}  // namespace reel::captioner_folders_test
