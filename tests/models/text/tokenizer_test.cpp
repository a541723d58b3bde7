// The CLIP tokenizer against ids made by transformers; how they were made: tests/golden/tokenizer/README.md.
#include "models/text/tokenizer.h"

#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace reel::models::tokenizer_test {

using Ids = std::vector<int64_t>;

const std::string kGolden = REEL_GOLDEN "/tokenizer/";
const std::vector<std::string> kSingle = {"tokenizer.json", "tokenizer_config.json",
                                          "special_tokens_map.json"};
const std::vector<std::string> kDouble = {"vocab.json", "merges.txt", "tokenizer_config.json",
                                          "special_tokens_map.json"};

nlohmann::json golden(const std::string& name) { return nlohmann::json::parse(read_file(kGolden + name)); }

// A folder with some of the golden files, to which a test may add.
class Folder {
 public:
  explicit Folder(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      write(std::filesystem::path(name).filename().string(), read_file(kGolden + name));
    }
  }
  void write(const std::string& name, const std::string& content) { write_file(folder_ / name, content); }
  std::unique_ptr<Tokenizer> open() const { return Tokenizer::open(folder_.path().string()); }

 private:
  TemporaryFolder folder_;
};

// The ids between the start and the end token.
Ids inner(const Tokenizer& tokenizer, const std::string& text) {
  const Ids ids = tokenizer.encode(text);
  return {ids.begin() + 1, ids.end() - 1};
}

void expect_golden_ids(const Tokenizer& tokenizer, const nlohmann::json& rows) {
  ASSERT_GE(rows.size(), 400u);
  for (const auto& row : rows) {
    EXPECT_EQ(tokenizer.encode(row.at("text").get<std::string>()), row.at("ids").get<Ids>()) << row.dump();
  }
}

TEST(TokenizerTest, GivesTheReferenceIdsFromTokenizerJson) {
  expect_golden_ids(*Folder(kSingle).open(), golden("strings.json"));
}

TEST(TokenizerTest, GivesTheReferenceIdsFromVocabularyAndMerges) {
  expect_golden_ids(*Folder(kDouble).open(), golden("strings.json"));
}

TEST(TokenizerTest, GivesTheReferenceIdsWithoutTheSmallFiles) {
  expect_golden_ids(*Folder({"vocab.json", "merges.txt"}).open(), golden("strings.json"));
}

TEST(TokenizerTest, GivesTheReferenceIdsInTheLayoutOfOlderRepositories) {
  nlohmann::json rows = golden("strings.json");
  std::map<std::string, nlohmann::json> different;
  const nlohmann::json document = golden("public_layout/different_strings.json");
  for (const auto& row : document) different[row.at("text")] = row.at("ids");
  size_t replaced = 0;
  for (auto& row : rows) {
    const auto found = different.find(row.at("text").get<std::string>());
    if (found == different.end()) continue;
    row["ids"] = found->second;
    ++replaced;
  }
  ASSERT_GT(replaced, 0u);
  const Folder folder({"vocab.json", "merges.txt", "public_layout/tokenizer_config.json",
                       "public_layout/special_tokens_map.json"});
  expect_golden_ids(*folder.open(), rows);
}

TEST(TokenizerTest, PrefersTokenizerJson) {
  Folder folder(kSingle);
  folder.write("vocab.json", "not read");
  EXPECT_EQ(inner(*folder.open(), "cat"), inner(*Folder(kDouble).open(), "cat"));
}

TEST(TokenizerTest, UsesItsOwnStagesWhateverTokenizerJsonDescribes) {
  nlohmann::json document = golden("tokenizer.json");
  document["normalizer"] = nullptr;
  document["pre_tokenizer"] = {{"type", "Whitespace"}};
  document["post_processor"] = nullptr;
  document["truncation"] = {
      {"direction", "Right"}, {"max_length", 3}, {"strategy", "LongestFirst"}, {"stride", 0}};
  Folder folder(kSingle);
  folder.write("tokenizer.json", document.dump());
  expect_golden_ids(*folder.open(), golden("strings.json"));
}

TEST(TokenizerTest, TellsWhatACallerNeedsToCutAndPad) {
  const auto tokenizer = Folder(kSingle).open();
  const nlohmann::json rows = golden("padded.json");
  ASSERT_FALSE(rows.empty());
  for (const auto& row : rows) {
    Ids ids = tokenizer->encode(row.at("text").get<std::string>());
    const auto length = row.at("max_length").get<size_t>();
    if (ids.size() > length) {
      ids.resize(length);
      ids.back() = tokenizer->eos_id();
    }
    ids.resize(length, tokenizer->pad_id());
    EXPECT_EQ(ids, row.at("ids").get<Ids>()) << row.dump();
    EXPECT_EQ(ids.front(), tokenizer->bos_id());
  }
  EXPECT_EQ(tokenizer->max_length(), 77);
  EXPECT_EQ(tokenizer->size(), 2014u);
}

TEST(TokenizerTest, LeavesAnUnstatedOrHugeLengthToTheModel) {
  EXPECT_EQ(Folder({"vocab.json", "merges.txt"}).open()->max_length(), 0);
  Folder folder(kDouble);
  folder.write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(folder.open()->max_length(), 0);
}

TEST(TokenizerTest, DecodesWhatItEncoded) {
  const auto tokenizer = Folder(kSingle).open();
  for (const std::string text : {"a photo of a cat", "日本 の x", "café", "🦊", ""}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  }
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("  Cat,DOG\t42")), "cat , dog 4 2");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("cat"), false), "<|startoftext|>cat <|endoftext|>");
}

TEST(TokenizerTest, DecodesCutCharactersAndPassesOverUnknownIds) {
  const auto tokenizer = Folder(kSingle).open();
  const Ids fox = inner(*tokenizer, "🦊");
  ASSERT_GT(fox.size(), 1u);
  EXPECT_EQ(tokenizer->decode({fox.front()}), "\uFFFD");
  EXPECT_EQ(tokenizer->decode({-1, 2014, int64_t{1} << 40}), "");
}

TEST(TokenizerTest, ReadsMalformedUtf8AsReplacementCharacters) {
  const auto tokenizer = Folder(kSingle).open();
  EXPECT_EQ(tokenizer->encode("cat \xFF\xE2\x82 dog"), tokenizer->encode("cat \uFFFD\uFFFD dog"));
}

TEST(TokenizerTest, EncodesLongWordsWithoutQuadraticTime) {
  const auto tokenizer = Folder(kSingle).open();
  std::string letters, marks = "a";
  for (int64_t i = 0; i < 200'000; ++i) letters += static_cast<char>('a' + i * i % 23);
  for (int i = 0; i < 100'000; ++i) marks += "\u0301\u0323";
  const std::clock_t start = std::clock();
  for (const std::string& text : {letters, marks, std::string(200'000, '\'')}) {
    EXPECT_GT(inner(*tokenizer, text).size(), 1000u);
  }
  // Takes 0.3 s; anything quadratic would take minutes.
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 20.0);
}

TEST(TokenizerTest, ServesManyThreads) {
  const auto tokenizer = Folder(kSingle).open();
  const nlohmann::json rows = golden("strings.json");
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&tokenizer, &rows, &count] {
      for (const auto& row : rows) {
        count += tokenizer->encode(row.at("text").get<std::string>()) != row.at("ids").get<Ids>();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(8, 0));
}

TEST(TokenizerTest, FindsAPaddingTokenInTheTextAsTheReferenceDoes) {
  // The second tokenizer of Stable Diffusion XL pads with "!", which is then found as it stands, before words
  // are.
  Folder folder(kDouble);
  folder.write("tokenizer_config.json", R"({"pad_token": "!", "added_tokens_decoder": {
      "0": {"content": "!", "special": true, "normalized": false}}})");
  const auto tokenizer = folder.open();
  EXPECT_EQ(tokenizer->pad_id(), 0);
  EXPECT_EQ(inner(*tokenizer, "!!"), (Ids{0, 0}));
  EXPECT_NE(inner(*Folder(kDouble).open(), "!"), Ids{0});
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("cat!")), "cat");
}

TEST(TokenizerTest, GivesAddedTokensTheIdsAfterTheVocabulary) {
  Folder folder(kDouble);
  const Ids plain = inner(*folder.open(), "<dog>");
  // The stated ids only give the order.
  folder.write("added_tokens.json", R"({"<dog>": 3001, "<CAT>": 3000})");
  const auto tokenizer = folder.open();
  EXPECT_EQ(tokenizer->size(), 2016u);
  EXPECT_NE(inner(*tokenizer, "<dog>"), plain);
  EXPECT_EQ(inner(*tokenizer, "x<DOG><cat>"), (Ids{inner(*tokenizer, "x").front(), 2015, 2014}));
  EXPECT_EQ(tokenizer->decode({2014, 2015}), "<cat><dog>");
}

TEST(TokenizerTest, HonoursTheOptionsOfAddedTokens) {
  Folder folder(kDouble);
  const auto plain = folder.open();
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {
      "2014": {"content": "<left>", "lstrip": true, "normalized": false},
      "2015": {"content": "<right>", "rstrip": true, "normalized": false},
      "2016": {"content": "whole", "single_word": true, "normalized": false},
      "2017": {"content": "<le", "normalized": false},
      "2018": {"content": " ", "normalized": false}}})");
  const auto tokenizer = folder.open();
  EXPECT_EQ(inner(*tokenizer, "<left>"), Ids{2014}) << "of two tokens at one place, the longer one counts";
  EXPECT_EQ(inner(*tokenizer, "<left").front(), 2017);
  EXPECT_EQ(inner(*tokenizer, "<LEFT>"), inner(*plain, "<LEFT>"));
  EXPECT_EQ(inner(*tokenizer, "\t<left>\t"), Ids{2014});
  EXPECT_EQ(inner(*tokenizer, "<right>\t\t\u3000"), Ids{2015});
  EXPECT_EQ(inner(*tokenizer, "x x"), (Ids{inner(*plain, "x").front(), 2018, inner(*plain, "x").front()}));
  EXPECT_EQ(inner(*tokenizer, "whole,whole"), (Ids{2016, inner(*plain, ",").front(), 2016}));
  for (const std::string text : {"wholes", "_whole", "whole\u0301", "9whole"}) {
    EXPECT_EQ(inner(*tokenizer, text), inner(*plain, text)) << text;
  }
}

TEST(TokenizerTest, SplitsSpecialTokensOnRequest) {
  Folder folder(kDouble);
  folder.write("tokenizer_config.json", R"({"split_special_tokens": true})");
  const auto tokenizer = folder.open();
  const Ids parts = inner(*tokenizer, "<|endoftext|>");
  EXPECT_GE(parts.size(), 3u);
  EXPECT_EQ(parts, inner(*tokenizer, "<| endoftext |>"));
}

TEST(TokenizerTest, TakesTheUnknownTokenForMissingBytes) {
  Folder folder({});
  folder.write("vocab.json", R"({"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab</w>": 4, "?": 5})");
  folder.write("merges.txt", "#version: 0.2\na b</w>\n");
  folder.write("tokenizer_config.json", R"({"unk_token": "?"})");
  EXPECT_EQ(inner(*folder.open(), "ab zb a"), (Ids{4, 5, 3, 2}));
}

TEST(TokenizerTest, RefusesATextThatNeedsAnUnknownTokenItHasNot) {
  Folder folder({});
  folder.write("vocab.json", R"({"a": 0, "a</w>": 1})");
  folder.write("merges.txt", "");
  const auto tokenizer = folder.open();
  EXPECT_EQ(inner(*tokenizer, "aa"), (Ids{0, 1}));
  EXPECT_THROW(tokenizer->encode("ab"), std::runtime_error);
}

}  // namespace reel::models::tokenizer_test
