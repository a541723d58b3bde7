// Tokenizer files are not trusted: each fault gives one error that names the file and the fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "models/text/tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::tokenizer_files_test {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Files = std::map<std::string, std::string>;

const std::string kVocabulary = R"({"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab</w>": 4})";
const std::string kMerges = "#version: 0.2\na b</w>\n";

std::string single(const std::string& model, const std::string& added = "[]") {
  return R"({"added_tokens": )" + added + R"(, "model": )" + model + "}";
}

// The message with which a folder is refused; empty if it opens.
std::string refusal(const Files& files) {
  TemporaryFolder folder;
  for (const auto& [name, content] : files) write_file(folder / name, content);
  try {
    Tokenizer::open(folder.path().string());
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

// A sound folder with one file of another content.
std::string refusal_of(const std::string& name, const std::string& content) {
  Files files = {{"vocab.json", kVocabulary}, {"merges.txt", kMerges}};
  if (name == "tokenizer.json") files.clear();
  files[name] = content;
  return refusal(files);
}

TEST(TokenizerFilesWithMarkTest, AByteOrderMarkIsNoPartOfAFile) {
  EXPECT_EQ(refusal_of("merges.txt", "\xEF\xBB\xBF" + kMerges), "");
  EXPECT_EQ(refusal_of("vocab.json", "\xEF\xBB\xBF" + kVocabulary), "");
}

struct Fault {
  std::string name, file, content, message;
};
void PrintTo(const Fault& fault, std::ostream* stream) { *stream << fault.name; }

class TokenizerFilesTest : public testing::TestWithParam<Fault> {};

TEST_P(TokenizerFilesTest, AreRefusedWithFileAndFault) {
  const Fault& fault = GetParam();
  const std::string message = refusal_of(fault.file, fault.content);
  EXPECT_THAT(message, AllOf(StartsWith("["), HasSubstr("/" + fault.file + "] "), HasSubstr(fault.message)));
  EXPECT_LT(message.size(), 500u);
}

const std::string kModel = R"({"vocab": {"a": 0}, "merges": []})";

INSTANTIATE_TEST_SUITE_P(
    Faults, TokenizerFilesTest,
    testing::Values(
        Fault{"NoJson", "vocab.json", "a b c", "must be JSON"},
        Fault{"Empty", "vocab.json", "", "must be JSON"},
        Fault{"CutOff", "vocab.json", kVocabulary.substr(0, 20), "must be JSON"},
        Fault{"NoObject", "vocab.json", R"(["a", "b"])", "JSON object, got array"},
        Fault{"NoTokens", "vocab.json", "{}", "must hold a vocabulary"},
        Fault{"BadUtf8", "vocab.json", "{\"a\xFF\": 0}", "must be JSON"},
        Fault{"BadUtf8InALongText", "vocab.json", "{\"" + std::string(100'000, 'a') + "\xFF\": 0}",
              "must be JSON"},
        Fault{"LoneSurrogate", "vocab.json", R"({"\ud800": 0})", "must be JSON"},
        Fault{"IdTwice", "vocab.json", R"({"a": 0, "b": 0})", "id 0 to both 'a' and 'b'"},
        Fault{"IdNegative", "vocab.json", R"({"a": -1})", "from 0 to 999999, got -1"},
        Fault{"IdTooLarge", "vocab.json", R"({"a": 1000000})", "from 0 to 999999, got 1000000"},
        Fault{"IdHuge", "vocab.json", R"({"a": 18446744073709551615})", "from 0 to 999999"},
        Fault{"IdFraction", "vocab.json", R"({"a": 0.5})", "must be an integer"},
        Fault{"IdText", "vocab.json", R"({"a": "0"})", "must be an integer"},
        Fault{"TokenTwice", "vocab.json", R"({"a": 0, "a": 1})", "the key 'a' twice"},
        Fault{"Deep", "vocab.json", std::string(100'000, '['), "64 levels"},
        Fault{"MergeOfUnknown", "merges.txt", "#version: 0.2\na b</w>\na c</w>\n",
              "line 3 needs the token 'c</w>'"},
        Fault{"MergeIntoUnknown", "merges.txt", "a a</w>\n", "line 1 needs the token 'aa</w>'"},
        Fault{"MergeOfOne", "merges.txt", "#version: 0.2\nab\n", "line 2 must be two tokens"},
        Fault{"MergeOfThree", "merges.txt", "a b c\n", "line 1 must be two tokens"},
        Fault{"MergeEmpty", "merges.txt", "a b</w>\n\n", "line 2 must be two tokens"},
        Fault{"MergeBadUtf8", "merges.txt", "a \xFF\n", R"(needs the token '\xff')"},
        Fault{"MergeLong", "merges.txt", std::string(1'000'000, 'a'), "line 1 must be two tokens"},
        Fault{"NoModel", "tokenizer.json", "{}", "must hold 'model'"},
        Fault{"OtherModel", "tokenizer.json",
              single(R"({"type": "Unigram", "vocab": {"a": 0}, "merges": []})"),
              "must be \"BPE\", got \"Unigram\""},
        Fault{"NoMerges", "tokenizer.json", single(R"({"vocab": {"a": 0}})"),
              "'model.merges' must be a list"},
        Fault{"NoVocabulary", "tokenizer.json", single(R"({"merges": []})"), "must hold a vocabulary"},
        Fault{"MergeNumber", "tokenizer.json", single(R"({"vocab": {"a": 0}, "merges": [7]})"),
              "merge 0 must be two tokens"},
        Fault{"MergePairUnknown", "tokenizer.json", single(R"({"vocab": {"a": 0}, "merges": [["a", "c"]]})"),
              "merge 0 needs the token 'c'"},
        Fault{"AddedNoList", "tokenizer.json", single(kModel, "1"), "'added_tokens' must be a list"},
        Fault{"AddedNumber", "tokenizer.json", single(kModel, "[1]"), "must be a token"},
        Fault{"AddedNoId", "tokenizer.json", single(kModel, R"([{"content": "x"}])"), "the id of 'x'"},
        Fault{"ConfigNoObject", "tokenizer_config.json", "7", "JSON object"},
        Fault{"RoleNumber", "tokenizer_config.json", R"({"bos_token": 7})", "'bos_token' must be a token"},
        Fault{"LengthText", "tokenizer_config.json", R"({"model_max_length": "77"})", "'model_max_length'"},
        Fault{"LengthZero", "tokenizer_config.json", R"({"model_max_length": 0})", "'model_max_length'"},
        Fault{"OtherFamily", "tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})",
              "got 'T5Tokenizer'"},
        Fault{"ExtraNoList", "tokenizer_config.json", R"({"extra_special_tokens": "x"})", "must be a list"},
        Fault{"DecoderNoObject", "tokenizer_config.json", R"({"added_tokens_decoder": []})",
              "must be an object"},
        Fault{"DecoderKey", "tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})",
              "the id of 'x'"},
        Fault{"OptionNumber", "special_tokens_map.json", R"({"bos_token": {"content": "x", "lstrip": 1}})",
              "'lstrip' of a token must be true or false"},
        Fault{"TokenLong", "special_tokens_map.json", R"({"bos_token": ")" + std::string(5000, 'x') + R"("})",
              "at most 4096 bytes"},
        Fault{"AddedIdText", "added_tokens.json", R"({"x": "1"})", "the id of 'x'"}),
    [](const auto& info) { return info.param.name; });

TEST(TokenizerFolderTest, OpensWithoutFaults) {
  EXPECT_EQ(refusal_of("merges.txt", kMerges), "");
  EXPECT_EQ(refusal_of("merges.txt", "a b</w>\r\n"), "") << "lines may end as on Windows";
  EXPECT_EQ(refusal_of("merges.txt", "a b</w>"), "") << "the last line may lack its end";
  EXPECT_EQ(refusal_of("tokenizer.json", single(kModel)), "");
  EXPECT_EQ(refusal_of("tokenizer_config.json", R"({"tokenizer_class": "CLIPTokenizerFast"})"), "");
}

TEST(TokenizerFolderTest, MustBeComplete) {
  EXPECT_THROW(Tokenizer::open("/no/such/folder"), std::runtime_error);
  EXPECT_THAT(refusal(Files{}), HasSubstr("tokenizer.json, or vocab.json and merges.txt"));
  EXPECT_THAT(refusal(Files{{"vocab.json", kVocabulary}}), HasSubstr("merges.txt] must be a file"));
}

TEST(TokenizerFolderTest, RefusesEmptyRoles) {
  EXPECT_THAT(refusal_of("tokenizer_config.json", R"({"bos_token": "", "unk_token": ""})"),
              HasSubstr("must not be empty"));
}

TEST(TokenizerFolderTest, RefusesFilesAbove64Megabytes) {
  TemporaryFolder folder;
  write_file(folder / "vocab.json", kVocabulary);
  write_file(folder / "merges.txt", "");
  std::filesystem::resize_file(folder / "merges.txt", (uintmax_t{64} << 20) + 1);  // sparse
  try {
    Tokenizer::open(folder.path().string());
    FAIL() << "opened";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("merges.txt]"), HasSubstr("has more than 64 MiB")));
  }
}

}  // namespace reel::models::tokenizer_files_test
