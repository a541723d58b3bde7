// The tokenizer of CLIP's text encoder, as transformers 5.23 has it: CLIPTokenizer over tokenizers 0.23. It
// brings its own stages, whatever normaliser or pre-tokenizer a tokenizer.json describes:
//   1. Added tokens that want the text as written are cut out.
//   2. Each piece between them: canonical composition, each run of white space to one space, lower case.
//   3. Added tokens that want normalised text are cut out.
//   4. Words: a contraction, a run of letters, one number, or a run of anything else that is no white space.
//   5. Byte-pair encoding of each word's bytes, "</w>" at its end.
//   6. Start token in front, end token behind, always.
// Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
// section 2.4.
#include "models/text/tokenizer_clip.h"

#include <algorithm>
#include <stdexcept>

#include "models/files/utf8.h"
#include "models/text/tokenizer_added.h"
#include "models/text/tokenizer_bpe.h"
#include "models/text/tokenizer_settings.h"
#include "models/text/unicode.h"

namespace reel::models {

namespace {

constexpr std::string_view kWordEnd = "</w>";

std::u32string normalize(std::u32string text) {
  const std::u32string whole = compose(std::move(text));
  std::u32string single;
  single.reserve(whole.size());
  bool after_space = false;
  for (const char32_t point : whole) {
    const bool space = is_space(point);
    if (!space) {
      single.push_back(point);
    } else if (!after_space) {
      single.push_back(U' ');
    }
    after_space = space;
  }
  return lower_case(single);
}

// The pattern of words is
//   <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
// Its words are cut once more by GPT-2's pattern, which only changes the first two: into "<|", letters and
// "|>". They are met where those names are no added tokens, or are written in capitals.

// Length of the name at the front of a text, brackets included; 0 if there is none.
size_t name_length(std::u32string_view text) {
  for (const std::u32string_view name : {U"<|startoftext|>", U"<|endoftext|>"}) {
    if (text.starts_with(name)) return name.size();
  }
  return 0;
}

// Length of any other word at the front of a text, which must not begin with white space.
size_t word_length(std::u32string_view text) {
  for (const std::u32string_view contraction : {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"}) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  const auto run = [&](auto belongs) {
    return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
  };
  if (is_letter(text[0])) return run(is_letter);
  if (is_number(text[0])) return 1;
  return run([](char32_t point) { return !is_space(point) && !is_letter(point) && !is_number(point); });
}

// White space of Python's str.strip.
bool is_stripped(char32_t point) { return is_space(point) || (point >= 0x1C && point <= 0x1F); }

class ClipTokenizer : public Tokenizer {
 public:
  ClipTokenizer(const BpeFiles& files, const TokenizerSettings& settings)
      : bpe_(files, std::string(kWordEnd), settings.unk),
        added_(files, settings.added, normalize, settings.split_special) {
    facts_.max_length = settings.max_length, facts_.named = settings.named;
    facts_.size = files.ids.size() + added_.beyond_vocabulary();
    for (const auto& [token, id] : files.ids) tokens_.emplace(id, token);
    const auto id = [&](const std::string& content) {
      const int64_t found = added_.id_of(content);
      return found < 0 ? added_.id_of(settings.unk) : found;
    };
    facts_.bos = id(settings.bos);
    facts_.eos = id(settings.eos);
    facts_.pad = id(settings.pad);
    if (std::min({facts_.bos, facts_.eos, facts_.pad}) < 0) {
      throw std::runtime_error("[" + files.place +
                               "] the start, end and padding tokens must not be empty; "
                               "correct tokenizer_config.json or special_tokens_map.json beside it");
    }
  }

  std::vector<int64_t> encode(const std::string& utf8) const override {
    std::vector<int64_t> ids = {facts_.bos};
    for (const AddedVocabulary::Piece& piece : added_.split(from_utf8(utf8))) {
      if (piece.id >= 0) {
        ids.push_back(piece.id);
      } else {
        encode_words(piece.text, ids);
      }
    }
    ids.push_back(facts_.eos);
    return ids;
  }

  std::string decode(const std::vector<int64_t>& ids, bool skip_special) const override {
    std::string bytes;
    for (const int64_t id : ids) {
      const std::string* token = added_.text_of(id);
      if (token == nullptr) {
        const auto found = tokens_.find(id);
        if (found == tokens_.end()) continue;
        token = &found->second;
      }
      if (!skip_special || !added_.is_special(*token)) bytes += ByteLevelBpe::bytes_of(*token);
    }
    std::string text = to_utf8(from_utf8(bytes));
    std::string spaced;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find(kWordEnd, begin), text.size());
      spaced.append(text, begin, end - begin);
      if (end < text.size()) spaced += ' ';
      begin = end + kWordEnd.size();
    }
    std::u32string points = from_utf8(spaced);
    while (!points.empty() && is_stripped(points.back())) points.pop_back();
    points.erase(points.begin(), std::find_if_not(points.begin(), points.end(), is_stripped));
    return to_utf8(points);
  }

 private:
  void encode_words(std::u32string_view text, std::vector<int64_t>& ids) const {
    const auto word = [&](size_t length) {
      bpe_.encode(to_utf8(text.substr(0, length)), ids);
      text.remove_prefix(length);
    };
    while (!text.empty()) {
      if (is_space(text[0])) {
        text.remove_prefix(1);
      } else if (const size_t name = name_length(text)) {
        for (const size_t length : {size_t{2}, name - 4, size_t{2}}) word(length);
      } else {
        word(word_length(text));
      }
    }
  }

  ByteLevelBpe bpe_;
  AddedVocabulary added_;
  std::unordered_map<int64_t, std::string> tokens_;  // of the vocabulary
};

}  // namespace

std::unique_ptr<Tokenizer> open_clip_tokenizer(const std::string& folder) {
  TokenizerSettings defaults;
  defaults.bos = "<|startoftext|>";
  defaults.eos = defaults.unk = defaults.pad = "<|endoftext|>";
  const BpeFiles files = read_bpe(folder);
  return std::make_unique<ClipTokenizer>(files, read_tokenizer_settings(folder, files, defaults));
}

}  // namespace reel::models
