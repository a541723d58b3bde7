// Tokenizers of language models against the tokenizers library and transformers; how: tests/golden/make_llama_tokenizers.py
// and make_sentencepiece.py.
#include "models/text/tokenizers/file_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/support/temporary_folder.h"

namespace reel::models::file_tokenizer_test {

using Ids = std::vector<int64_t>;
using testing::AllOf;
using testing::HasSubstr;

const std::string kGolden = REEL_GOLDEN "/llama_tokenizers/";

nlohmann::json golden(const std::string& name) { return nlohmann::json::parse(read_file(kGolden + name)); }

class LlamaTokenizerTest : public testing::TestWithParam<const char*> {};

TEST_P(LlamaTokenizerTest, GivesTheReferenceIdsAndTexts) {
  const std::string kind = GetParam();
  const auto tokenizer = Tokenizer::open(kGolden + kind);
  const nlohmann::json strings = golden("strings.json"), rows = golden(kind + "/rows.json");
  ASSERT_GE(strings.size(), 600u);
  ASSERT_EQ(strings.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string text = strings[i];
    const Ids ids = rows[i]["ids"];
    ASSERT_EQ(tokenizer->encode(text), ids) << kind << " " << strings[i].dump();
    ASSERT_EQ(tokenizer->decode(ids), rows[i].value("decoded", text)) << kind << " " << rows[i].dump();
    ASSERT_EQ(tokenizer->decode(ids, false), rows[i].value("decoded_all", text))
        << kind << " " << rows[i].dump();
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LlamaTokenizerTest,
                         testing::Values("llama_prepend", "llama_metaspace_first", "llama_metaspace_always",
                                         "llama_metaspace_never", "llama3", "smollm", "gpt2_files",
                                         "qwen2_files", "sentencepiece_bpe_legacy", "sentencepiece_bpe",
                                         "sentencepiece_unigram"),
                         [](const auto& info) { return std::string(info.param); });

TEST(FileTokenizerTest, TellsTheTokensOfTheFolder) {
  const auto llama = Tokenizer::open(kGolden + "llama_prepend");
  EXPECT_EQ(llama->bos_id(), 1);
  EXPECT_EQ(llama->eos_id(), 2);
  EXPECT_EQ(llama->pad_id(), 701);
  EXPECT_EQ(llama->size(), 707u);
  EXPECT_THAT(llama->special_tokens(), testing::Contains(testing::Pair("pad_token", "<pad>")));
  EXPECT_EQ(llama->max_length(), 0);
  EXPECT_EQ(Tokenizer::open(kGolden + "llama_metaspace_always")->max_length(), 2048);
  const auto sentence_pieces = Tokenizer::open(kGolden + "sentencepiece_bpe");
  EXPECT_EQ(sentence_pieces->pad_id(), 701);
  EXPECT_EQ(sentence_pieces->size(), 707u);
  EXPECT_EQ(sentence_pieces->max_length(), 4096);
  EXPECT_EQ(Tokenizer::open(kGolden + "llama3")->pad_id(), -1);
}

TEST(FileTokenizerTest, ReadsMalformedUtf8AsReplacementCharacters) {
  for (const char* kind : {"llama_prepend", "llama3", "sentencepiece_bpe"}) {
    const auto tokenizer = Tokenizer::open(kGolden + kind);
    EXPECT_EQ(tokenizer->encode("a\xFF\xE2\x82 b"), tokenizer->encode("a\uFFFD\uFFFD b")) << kind;
  }
}

TEST(FileTokenizerTest, PassesOverUnknownIds) {
  for (const char* kind : {"llama_prepend", "llama3", "sentencepiece_bpe"}) {
    EXPECT_EQ(Tokenizer::open(kGolden + kind)->decode({-1, 100'000, int64_t{1} << 40}), "") << kind;
  }
}

TEST(FileTokenizerTest, EncodesLongTextsWithoutQuadraticTime) {
  std::string letters, spaces(200'000, ' '), lines;
  for (int64_t i = 0; i < 200'000; ++i) letters += static_cast<char>('a' + i * i % 23);
  for (int i = 0; i < 50'000; ++i) lines += "a \n ";
  for (const char* kind : {"llama_prepend", "llama3", "smollm", "qwen2_files", "sentencepiece_bpe"}) {
    const auto tokenizer = Tokenizer::open(kGolden + kind);
    const std::clock_t start = std::clock();
    for (const std::string& text : {letters, spaces, lines})
      EXPECT_GT(tokenizer->encode(text).size(), 1000u) << kind;
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 20.0) << kind;
  }
}

// A folder of a small tokenizer.json with some parts of another content.
std::string opened(const nlohmann::json& changes,
                   const std::string& config = R"({"tokenizer_class": "LlamaTokenizer"})") {
  nlohmann::json document = {{"model",
                              {{"type", "BPE"},
                               {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}, {"\u2581", 3}}},
                               {"merges", nlohmann::json::array({nlohmann::json::array({"a", "b"})})}}}};
  document.merge_patch(changes);
  TemporaryFolder folder;
  write_file(folder / "tokenizer.json", document.dump());
  write_file(folder / "tokenizer_config.json", config);
  try {
    std::string ids;
    for (const int64_t id : Tokenizer::open(folder.path().string())->encode("ab ba"))
      ids += std::to_string(id) + " ";
    return ids;
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

nlohmann::json stage(const char* part, const std::string& json) {
  return {{part, nlohmann::json::parse(json)}};
}

TEST(FileTokenizerTest, NamesStagesThatItDoesNotKnow) {
  EXPECT_EQ(opened(nlohmann::json::object()), "2 1 0 ");
  for (const auto& [part, json, message] :
       std::initializer_list<std::tuple<const char*, const char*, const char*>>{
           {"normalizer", R"({"type": "NFKC"})", "'normalizer' asks for 'NFKC', which is not supported"},
           {"normalizer", R"({"type": "Sequence", "normalizers": [{"type": "Precompiled"}]})",
            "asks for 'Precompiled'"},
           {"normalizer", R"({"type": "Prepend"})", "'prepend' must be a text"},
           {"normalizer", R"(["NFC"])", "must be an object with a 'type'"},
           {"pre_tokenizer", R"({"type": "BertPreTokenizer"})", "asks for 'BertPreTokenizer'"},
           {"pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Sometimes"})",
            "'behavior' must be"},
           {"pre_tokenizer", R"({"type": "Split", "pattern": {"Glob": "a"}, "behavior": "Isolated"})",
            "'pattern' must be"},
           {"pre_tokenizer", R"({"type": "Metaspace", "replacement": "ab"})", "must be one character"},
           {"pre_tokenizer", R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"})",
            "'prepend_scheme' must be"},
           {"decoder", R"({"type": "WordPiece"})", "asks for 'WordPiece'"},
           {"decoder", R"({"type": "Strip", "content": " ", "start": -1, "stop": 0})",
            "'start' must be an integer"},
           {"post_processor", R"({"type": "Other"})", "asks for 'Other'"},
           {"post_processor", R"({"type": "TemplateProcessing", "single": []})", "must hold the text A"},
           {"post_processor", R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}]})",
            "must give the ids of 'x'"},
           {"model", R"({"unk_token": "?"})", "lacks its unknown token '?'"},
           {"model", R"({"dropout": 0.1})", "tokens by chance"},
           {"model", R"({"byte_fallback": 1})", "'model.byte_fallback' must be true or false"}}) {
    EXPECT_THAT(opened(stage(part, json)), AllOf(HasSubstr("/tokenizer.json] "), HasSubstr(message)));
  }
  EXPECT_THAT(opened(nlohmann::json::object(), R"({"tokenizer_class": "XLMTokenizer"})"),
              HasSubstr("got 'XLMTokenizer'"));
}

TEST(FileTokenizerTest, RefusesExpressionsThatMeanDifferentThings) {
  for (const auto& [expression, message] :
       std::initializer_list<std::pair<const char*, const char*>>{{"^a", "has an anchor"},
                                                                  {"\\ha", "has the escape \\h"},
                                                                  {"[[a]b]", "brackets within brackets"},
                                                                  {"[a&&b]", "an intersection"},
                                                                  {"a{2}+", "a + behind a repetition"},
                                                                  {"(a", "does not close a group"},
                                                                  {"(*COMMIT)a", "repeats nothing"},
                                                                  {"(?<n>a)", "a group of a kind other"},
                                                                  {"\\p{Klingon}", "the class 'Klingon'"},
                                                                  {"(?i:\\p{L})", "where case is ignored"},
                                                                  {"(?<=a+)b", "is malformed"},
                                                                  {"[b-a]", "is malformed"}}) {
    const nlohmann::json split = {
        {"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}};
    EXPECT_THAT(opened({{"pre_tokenizer", split}}), HasSubstr(message)) << expression;
  }
}

TEST(FileTokenizerTest, BoundsTheWorkOfAnExpression) {
  const nlohmann::json split = {
      {"type", "Split"}, {"pattern", {{"Regex", "(?:a|a|aa)+(?:c|d)"}}}, {"behavior", "Isolated"}};
  nlohmann::json document = {
      {"pre_tokenizer", split},
      {"model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", nlohmann::json::array()}}}};
  TemporaryFolder folder;
  write_file(folder / "tokenizer.json", document.dump());
  write_file(folder / "tokenizer_config.json", R"({"tokenizer_class": "PreTrainedTokenizerFast"})");
  const auto tokenizer = Tokenizer::open(folder.path().string());
  EXPECT_EQ(tokenizer->encode("aaa").size(), 3u);
  try {
    tokenizer->encode(std::string(200, 'a'));
    ADD_FAILURE() << "must be refused";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("takes too much work on a text of 200 bytes"));
  }
}

TEST(FileTokenizerTest, ReadsBothFormsOfMerges) {
  const nlohmann::json text = {{"model", {{"merges", nlohmann::json::array({"a b"})}}}};
  EXPECT_EQ(opened(text), "2 1 0 ");
}

TEST(FileTokenizerTest, KnowsAFolderThatNamesNoClass) {
  const nlohmann::json decoder = {{"decoder", {{"type", "Fuse"}}}};
  EXPECT_EQ(opened(decoder, "{}"), "2 1 0 ");
  TemporaryFolder folder;
  write_file(folder / "tokenizer.model", read_file(kGolden + "sentencepiece_bpe/tokenizer.model"));
  EXPECT_EQ(Tokenizer::open(folder.path().string())->bos_id(), 1);
}

// Whatever is done to the files, they are refused with a message, or they open and encode.
void expect_survival(const std::string& kind, const std::string& file, int rounds) {
  const std::string content = read_file(kGolden + kind + "/" + file);
  std::mt19937 random(11);
  const auto below = [&](size_t bound) { return static_cast<size_t>(random() % bound); };
  TemporaryFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden + kind)) {
    if (entry.path().filename() != "rows.json")
      std::filesystem::copy(entry.path(), folder.path() / entry.path().filename());
  }
  int refused = 0, open = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string changed = content;
    for (size_t change = below(4) + 1; change > 0; --change) {
      // Stages and tokens lie at both ends of a tokenizer.json.
      const size_t span = std::min<size_t>(changed.size(), 4000);
      const size_t at = below(3) == 0 ? below(changed.size())
                        : below(2)    ? below(span)
                                      : changed.size() - 1 - below(span);
      switch (below(4)) {
        case 0:
          changed.erase(at, below(8) + 1);
          break;
        case 1:
          changed[at] = static_cast<char>(random());
          break;
        case 2:
          changed[at] = "0123456789\"{}[]:,tfn "[below(21)];
          break;
        default:
          changed.insert(at, changed.substr(below(changed.size()), below(30)));
      }
      if (changed.empty()) changed = content;
    }
    write_file(folder / file, changed);
    try {
      const auto tokenizer = Tokenizer::open(folder.path().string());
      const Ids ids =
          tokenizer->encode("USER: <image>\nIt's 12 caf\u00E9s \u4E2D\u6587 \U0001F600  </s>\u2581a");
      tokenizer->decode(ids);
      tokenizer->decode({0, 5, 300, 699, 700, 705}, false);
      ++open;
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), testing::StartsWith("["));
      ++refused;
    }
  }
  EXPECT_GT(refused, 0) << kind;
  EXPECT_GT(open, 0) << kind;
}

TEST(FileTokenizerTest, SurvivesChangedFiles) {
  expect_survival("llama_prepend", "tokenizer.json", 150);
  expect_survival("llama3", "tokenizer.json", 150);
  expect_survival("llama_metaspace_first", "tokenizer_config.json", 100);
}

TEST(FileTokenizerTest, SurvivesChangedSentencePieceModels) {
  expect_survival("sentencepiece_bpe", "tokenizer.model", 600);
  expect_survival("sentencepiece_unigram", "tokenizer.model", 600);
  expect_survival("sentencepiece_bpe_legacy", "tokenizer_config.json", 100);
}

}  // namespace reel::models::file_tokenizer_test
