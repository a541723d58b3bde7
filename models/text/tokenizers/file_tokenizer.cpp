#include "models/text/tokenizers/file_tokenizer.h"

#include <algorithm>
#include <set>

#include "models/files/utf8.h"
#include "models/text/tokenizer_added.h"
#include "models/text/tokenizer_json.h"
#include "models/text/tokenizer_settings.h"
#include "models/text/tokenizers/bpe_model.h"
#include "models/text/tokenizers/stages/post_processor.h"
#include "models/text/tokenizers/stages/pre_tokenizer.h"
#include "models/text/tokenizers/stages/text_normalizer.h"
#include "models/text/tokenizers/stages/token_decoder.h"

namespace reel::models {

namespace {

// The JSON of one of the file's stages; empty if it has none.
std::string stage_of(const BpeFiles& files, const char* name) {
  if (files.stages.empty()) return "";
  const auto stages = nlohmann::json::parse(files.stages);
  const auto found = stages.find(name);
  return found == stages.end() ? "" : found->dump();
}

// Tokens of the tokenizer.json, then those of the small files; of equal ones the last counts.
std::vector<AddedToken> all_added(const BpeFiles& files, const TokenizerSettings& settings) {
  std::vector<AddedToken> tokens;
  for (const auto& [id, token] : files.added) tokens.push_back(token);
  tokens.insert(tokens.end(), settings.added.begin(), settings.added.end());
  return tokens;
}

class FileTokenizer : public Tokenizer {
 public:
  /// Takes the vocabulary out of `files`.
  FileTokenizer(BpeFiles& files, const TokenizerSettings& settings)
      : pre_tokenize_(read_pre_tokenizer(stage_of(files, "pre_tokenizer"), files.place)),
        decode_(read_decoder(stage_of(files, "decoder"), files.place)),
        around_(read_post_processor(stage_of(files, "post_processor"), files.place)),
        added_(files, all_added(files, settings), read_normalizer(stage_of(files, "normalizer"), files.place),
               settings.split_special),
        family_decides_(!files.described),
        model_(std::move(files)) {
    facts_.max_length = settings.max_length, facts_.named = settings.named;
    facts_.size = model_.size() + added_.beyond_vocabulary();
    const auto id = [&](const std::string& content) {
      if (content.empty()) return int64_t{-1};
      const int64_t found = added_.id_of(content);
      return found >= 0 ? found : model_.id_of(content);
    };
    facts_.bos = id(settings.bos);
    facts_.eos = id(settings.eos);
    facts_.pad = id(settings.pad);
    if (family_decides_ && (settings.add_bos || settings.add_eos)) {
      around_ = {};
      if (settings.add_bos.value_or(false) && facts_.bos >= 0) around_.before.push_back(facts_.bos);
      if (settings.add_eos.value_or(false) && facts_.eos >= 0) around_.after.push_back(facts_.eos);
    }
  }

  std::vector<int64_t> encode(const std::string& utf8) const override {
    std::vector<int64_t> ids = around_.before;
    for (const AddedVocabulary::Piece& piece : added_.split(from_utf8(utf8))) {
      if (piece.id >= 0) {
        ids.push_back(piece.id);
        continue;
      }
      std::vector<TextPiece> words = {{to_utf8(piece.text), piece.first}};
      pre_tokenize_(words);
      for (const TextPiece& word : words) model_.encode(word.text, ids);
    }
    ids.insert(ids.end(), around_.after.begin(), around_.after.end());
    return ids;
  }

  std::string decode(const std::vector<int64_t>& ids, bool skip_special) const override {
    std::vector<std::string> tokens;
    for (const int64_t id : ids) {
      const std::string* token = added_.text_of(id);
      if (token == nullptr) token = model_.token(id);
      if (token == nullptr) continue;
      if (!skip_special || !added_.is_special(*token)) tokens.push_back(*token);
    }
    std::string text;
    for (const std::string& part : decode_(std::move(tokens))) text += part;
    return text;
  }

 private:
  PreTokenizer pre_tokenize_;
  TokenDecoder decode_;
  SurroundingTokens around_;
  AddedVocabulary added_;
  bool family_decides_;
  BpeModel model_;
};

}  // namespace

std::unique_ptr<Tokenizer> open_file_tokenizer(const std::string& folder, const TokenizerFamily& family) {
  BpeFiles files = read_bpe(folder);
  if (files.stages.empty()) {
    if (family.stages.empty()) {
      refuse_file(folder, "must hold tokenizer.json: its kind of tokenizer is described by no other file");
    }
    files.stages = family.stages;
    files.described = false;
  }
  TokenizerSettings defaults;
  defaults.bos = family.bos;
  defaults.eos = family.eos;
  defaults.unk = family.unknown;
  defaults.pad = family.pad;
  const TokenizerSettings settings = read_tokenizer_settings(folder, files, defaults);
  return std::make_unique<FileTokenizer>(files, settings);
}

}  // namespace reel::models
