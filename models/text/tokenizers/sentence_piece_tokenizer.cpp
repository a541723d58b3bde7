#include "models/text/tokenizers/sentence_piece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <filesystem>

#include "models/files/utf8.h"
#include "models/text/jinja/values/python_text.h"
#include "models/text/tokenizer_added.h"
#include "models/text/tokenizer_json.h"
#include "models/text/tokenizer_settings.h"
#include "models/text/tokenizers/sentence_piece_check.h"

// The library writes its complaints to the error stream unless it is told not to; its public header leaves this out.
namespace sentencepiece::logging {
void SetMinLogLevel(int level);
}

namespace reel::models {

namespace {

constexpr std::string_view kSpaceMark = "\u2581";
constexpr size_t kMostTextBytes = size_t{16} << 20;  // the library counts in int

// A protobuf message may be continued: fields that follow replace those before. This one sets
// normalizer_spec.add_dummy_prefix to false.
constexpr std::string_view kNoSpaceInFront("\x1A\x02\x18\x00", 4);

class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(const std::string& path, const std::string& model, const TokenizerSettings& settings,
                         const BpeFiles& vocabulary)
      : legacy_(settings.legacy.value_or(true)),
        space_in_front_(settings.add_prefix_space.value_or(true)),
        split_special_(settings.split_special),
        unknown_text_(settings.unk),
        added_(
            vocabulary, settings.added, [](std::u32string text) { return text; }, false) {
    facts_.max_length = settings.max_length, facts_.named = settings.named;
    facts_.size = vocabulary.ids.size() + added_.beyond_vocabulary();
    load(path, legacy_ ? model : model + std::string(kNoSpaceInFront));
    unknown_length_ = pieces(unknown_text_).size();
    space_mark_id_ = processor_.PieceToId(std::string(kSpaceMark));
    for (const AddedToken& token : settings.added) {
      if (token.content.empty()) continue;
      const std::u32string content = from_utf8(token.content);
      const int64_t id = added_.id_of(token.content);
      trie_.insert(content, id);
      tokens_[id] = token;
    }
    const auto id = [&](const std::string& content) { return content.empty() ? -1 : added_.id_of(content); };
    facts_.bos = id(settings.bos);
    facts_.eos = id(settings.eos);
    facts_.pad = id(settings.pad);
    if (settings.add_bos.value_or(true) && facts_.bos >= 0) before_.push_back(facts_.bos);
    if (settings.add_eos.value_or(false) && facts_.eos >= 0) after_.push_back(facts_.eos);
  }

  std::vector<int64_t> encode(const std::string& utf8) const override {
    std::u32string text = from_utf8(utf8);
    if (text.size() > kMostTextBytes) throw std::runtime_error("[tokenizer] a text must have at most 16 MiB");
    std::vector<int64_t> ids;
    if (legacy_ || text.empty()) {
      encode_parts(std::move(text), ids);
    } else {
      std::replace(text.begin(), text.end(), U'\u2581', U' ');
      if (space_in_front_) text.insert(0, 1, U'\u2581');
      encode_parts(std::move(text), ids);
      // A space in front of a special token is none.
      if (ids.size() > 1 && ids[0] == space_mark_id_ && is_special(ids[1])) ids.erase(ids.begin());
    }
    ids.insert(ids.begin(), before_.begin(), before_.end());
    ids.insert(ids.end(), after_.begin(), after_.end());
    return ids;
  }

  std::string decode(const std::vector<int64_t>& ids, bool skip_special) const override {
    // Added tokens stand between spaces, but for special ones that have a name or are pieces of the model.
    std::string text;
    bool begun = false;
    const auto put = [&](const std::string& part) {
      if (begun) text += ' ';
      begun = true;
      text += part;
    };
    std::vector<int64_t> run;
    const auto flush = [&](bool last) {
      if (run.empty()) return;
      if (const std::string part = decode_run(run); !part.empty() || last) put(part);
      run.clear();
    };
    for (const int64_t id : ids) {
      const auto added = tokens_.find(id);
      if (added == tokens_.end() && (id < 0 || id >= processor_.GetPieceSize())) continue;
      if (skip_special && is_special(id)) continue;
      if (added != tokens_.end() && stands_apart(id, added->second)) {
        flush(false);
        put(added->second.content);
      } else {
        run.push_back(id);
      }
    }
    flush(true);
    return text;
  }

  /// The vocabulary of a model. Throws: std::runtime_error if the library refuses it.
  static BpeFiles vocabulary(const std::string& path, const std::string& model) {
    sentencepiece::SentencePieceProcessor processor;
    load(processor, path, model);
    BpeFiles files;
    files.place = path;
    for (int id = 0; id < processor.GetPieceSize(); ++id) files.ids.emplace(processor.IdToPiece(id), id);
    return files;
  }

 private:
  static void load(sentencepiece::SentencePieceProcessor& processor, const std::string& path,
                   const std::string& model) {
    sentencepiece::logging::SetMinLogLevel(3);
    const auto status = processor.LoadFromSerializedProto(model);
    if (!status.ok()) {
      refuse_file(path,
                  "is refused by SentencePiece: " + shown(status.ToString(), 200) + "; fetch the file again");
    }
  }
  void load(const std::string& path, const std::string& model) { load(processor_, path, model); }

  bool is_special(int64_t id) const {
    const auto found = tokens_.find(id);
    return found != tokens_.end() && found->second.special;
  }

  bool stands_apart(int64_t id, const AddedToken& token) const {
    const bool named = std::any_of(facts_.named.begin(), facts_.named.end(),
                                   [&](const auto& item) { return item.second == token.content; });
    return !token.special || (!named && id >= processor_.GetPieceSize());
  }

  // One part of a text, or an added token in it.
  struct Part {
    int64_t id = -1;
    std::u32string text;
  };

  std::vector<Part> parts_of(std::u32string text) const {
    if (split_special_) return {{-1, std::move(text)}};
    std::vector<Part> parts;
    size_t done = 0;
    for (size_t at = 0; at < text.size() && !trie_.empty();) {
      const TokenTrie::Match match = trie_.longest(text, at);
      if (match.id < 0) {
        ++at;
        continue;
      }
      if (done < at) parts.push_back({-1, text.substr(done, at - done)});
      parts.push_back({match.id, text.substr(at, match.length)});
      done = at += match.length;
    }
    if (done < text.size()) parts.push_back({-1, text.substr(done)});
    return parts;
  }

  void encode_parts(std::u32string text, std::vector<int64_t>& ids) const {
    std::vector<Part> parts = parts_of(std::move(text));
    // What tokens do to their neighbours, from left to right, as transformers does it.
    for (size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].id < 0) continue;
      const AddedToken& token = tokens_.at(parts[i].id);
      Part* left = i > 0 && !parts[i - 1].text.empty() ? &parts[i - 1] : nullptr;
      Part* right = i + 1 < parts.size() && !parts[i + 1].text.empty() ? &parts[i + 1] : nullptr;
      const bool space_before = left != nullptr && left->text.back() == U' ';
      const bool space_behind = right != nullptr && right->text.front() == U' ';
      if (token.rstrip && right != nullptr) strip(*right, jinja::Side::kLeft);
      if (token.lstrip && left != nullptr) strip(*left, jinja::Side::kRight);
      if (token.single_word && left != nullptr && !space_before) {
        join(*left, left->text + parts[i].text);
        parts[i] = {};
      } else if (token.single_word && right != nullptr && !space_behind) {
        join(*right, parts[i].text + right->text);
        parts[i] = {};
      }
    }
    for (const Part& part : parts) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else if (!part.text.empty()) {
        encode_text(part.text, ids);
      }
    }
  }

  // A token that loses white space, or is joined to a text, is one no more.
  static void join(Part& part, std::u32string text) { part = {-1, std::move(text)}; }
  static void strip(Part& part, jinja::Side side) {
    std::u32string text = from_utf8(jinja::strip_text(to_utf8(part.text), std::nullopt, side));
    if (text != part.text) part = {-1, std::move(text)};
  }

  std::vector<int> pieces(const std::string& text) const {
    std::vector<int> ids;
    const auto status = processor_.Encode(text, &ids);
    if (!status.ok())
      throw std::runtime_error("[tokenizer] SentencePiece refuses a text: " + status.ToString());
    return ids;
  }

  void encode_text(const std::u32string& text, std::vector<int64_t>& ids) const {
    const bool space = text.front() == U'\u2581' || text.front() == U' ';
    if (legacy_ || !space) {
      const std::vector<int> found = pieces(to_utf8(text));
      ids.insert(ids.end(), found.begin(), found.end());
      return;
    }
    // The library takes spaces away from the front of a text: the name of the unknown token is put there, and taken
    // away again.
    const std::vector<int> found = pieces(unknown_text_ + to_utf8(text));
    const size_t skipped = found.size() >= unknown_length_ ? unknown_length_ : 0;
    ids.insert(ids.end(), found.begin() + static_cast<std::ptrdiff_t>(skipped), found.end());
  }

  std::string decode_run(const std::vector<int64_t>& ids) const {
    std::string text;
    std::vector<std::string> tokens;
    const auto flush = [&] {
      std::string part;
      const auto status = processor_.Decode(tokens, &part);
      if (!status.ok())
        throw std::runtime_error("[tokenizer] SentencePiece refuses tokens: " + status.ToString());
      text += part;
      tokens.clear();
    };
    bool after_special = false;
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto added = tokens_.find(ids[i]);
      const bool special = is_special(ids[i]);
      std::string token =
          added != tokens_.end() ? added->second.content : processor_.IdToPiece(static_cast<int>(ids[i]));
      const bool marked = token.starts_with(kSpaceMark);
      if (i == 0 && marked && space_in_front_) token.erase(0, kSpaceMark.size());
      if (special) {
        if (!after_special && i != 0 && legacy_) text += ' ';
        flush();
        text += token;
      } else {
        if (after_special && i == 1 && space_in_front_ && !marked) text += ' ';
        tokens.push_back(std::move(token));
      }
      after_special = special;
    }
    flush();
    return text;
  }

  bool legacy_, space_in_front_, split_special_;
  std::string unknown_text_;
  sentencepiece::SentencePieceProcessor processor_;
  size_t unknown_length_ = 0;
  int64_t space_mark_id_ = -1;
  AddedVocabulary added_;
  TokenTrie trie_;
  std::unordered_map<int64_t, AddedToken> tokens_;  // added ones
  std::vector<int64_t> before_, after_;
};

}  // namespace

std::unique_ptr<Tokenizer> open_sentence_piece_tokenizer(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "tokenizer.model").string();
  const std::string model = read_text_file(path);
  check_sentence_piece_model(model, path);
  const BpeFiles vocabulary = SentencePieceTokenizer::vocabulary(path, model);
  TokenizerSettings defaults;
  defaults.bos = "<s>";
  defaults.eos = "</s>";
  defaults.unk = "<unk>";
  return std::make_unique<SentencePieceTokenizer>(
      path, model, read_tokenizer_settings(folder, vocabulary, defaults), vocabulary);
}

}  // namespace reel::models
