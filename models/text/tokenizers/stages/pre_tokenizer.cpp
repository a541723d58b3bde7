#include "models/text/tokenizers/stages/pre_tokenizer.h"

#include <algorithm>

#include "models/files/utf8.h"
#include "models/text/tokenizer_bpe.h"
#include "models/text/tokenizers/stages/stage_json.h"
#include "models/text/tokenizers/stages/stage_pattern.h"
#include "models/text/unicode.h"

namespace reel::models {

namespace {

// GPT-2's words.
constexpr const char* kByteLevelWords =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// Which ranges stay, and which of them go together.
std::vector<TextRange> arranged(std::vector<TextRange> ranges, Behavior behavior) {
  std::vector<TextRange> result;
  bool previous = false;  // whether the range before is a match
  switch (behavior) {
    case Behavior::kIsolated:
      return ranges;
    case Behavior::kRemoved:
      std::copy_if(ranges.begin(), ranges.end(), std::back_inserter(result),
                   [](const TextRange& range) { return !range.match; });
      return result;
    case Behavior::kContiguous:
    case Behavior::kMergedWithPrevious:
      for (const TextRange& range : ranges) {
        const bool joins =
            behavior == Behavior::kContiguous ? range.match == previous : range.match && !previous;
        if (joins && !result.empty()) {
          result.back().end = range.end;
        } else {
          result.push_back(range);
        }
        previous = range.match;
      }
      return result;
    case Behavior::kMergedWithNext:
      std::for_each(ranges.rbegin(), ranges.rend(), [&](const TextRange& range) {
        if (range.match && !previous && !result.empty()) {
          result.back().begin = range.begin;
        } else {
          result.push_back(range);
        }
        previous = range.match;
      });
      std::reverse(result.begin(), result.end());
      return result;
  }
  return result;
}

// Replaces each piece by what `cut` makes of it.
template <class Cut>
void cut_pieces(std::vector<TextPiece>& pieces, Behavior behavior, Cut cut) {
  std::vector<TextPiece> result;
  for (const TextPiece& piece : pieces) {
    for (const TextRange& range : arranged(cut(piece.text), behavior)) {
      if (range.begin == range.end) continue;
      result.push_back(
          {piece.text.substr(range.begin, range.end - range.begin), piece.first && range.begin == 0});
    }
  }
  pieces = std::move(result);
}

PreTokenizer splitting(const StageReader& stage) {
  const TokenPattern pattern = read_stage_pattern(stage);
  const bool invert = stage.flag("invert", false);
  const std::string name = stage.text("behavior");
  const Behavior behavior = name == "Removed"              ? Behavior::kRemoved
                            : name == "Isolated"           ? Behavior::kIsolated
                            : name == "MergedWithPrevious" ? Behavior::kMergedWithPrevious
                            : name == "MergedWithNext"     ? Behavior::kMergedWithNext
                                                           : Behavior::kContiguous;
  if (behavior == Behavior::kContiguous && name != "Contiguous") {
    stage.refuse("'behavior' must be Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  }
  return [=](std::vector<TextPiece>& pieces) {
    cut_pieces(pieces, behavior, [&](const std::string& text) {
      std::vector<TextRange> ranges = pattern.cut(text);
      for (TextRange& range : ranges) range.match ^= invert;
      return ranges;
    });
  };
}

PreTokenizer byte_level(const StageReader& stage) {
  const bool prefix = stage.flag("add_prefix_space", true), words = stage.flag("use_regex", true);
  const TokenPattern pattern = TokenPattern::expression(kByteLevelWords, stage.place());
  return [=](std::vector<TextPiece>& pieces) {
    for (TextPiece& piece : pieces) {
      if (prefix && !piece.text.starts_with(' ')) piece.text.insert(0, " ");
    }
    if (words)
      cut_pieces(pieces, Behavior::kIsolated, [&](const std::string& text) { return pattern.cut(text); });
    for (TextPiece& piece : pieces) {
      std::string characters;
      ByteLevelBpe::append_characters(piece.text, characters);
      piece.text = std::move(characters);
    }
  };
}

PreTokenizer metaspace(const StageReader& stage) {
  const std::string mark = stage.text("replacement");
  if (from_utf8(mark).size() != 1) stage.refuse("'replacement' must be one character");
  const bool split = stage.flag("split", true);
  // Files before version 0.14 of the library say add_prefix_space.
  const std::string scheme =
      stage.text("prepend_scheme", stage.flag("add_prefix_space", true) ? "always" : "never");
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    stage.refuse("'prepend_scheme' must be always, first or never");
  }
  const TokenPattern space = TokenPattern::literal(" "), marks = TokenPattern::literal(mark);
  return [=](std::vector<TextPiece>& pieces) {
    for (TextPiece& piece : pieces) {
      std::string text;
      for (const TextRange& range : space.cut(piece.text)) {
        text += range.match ? mark : piece.text.substr(range.begin, range.end - range.begin);
      }
      const bool wanted = scheme == "always" || (scheme == "first" && piece.first);
      if (wanted && !text.starts_with(mark)) text.insert(0, mark);
      piece.text = std::move(text);
    }
    if (split)
      cut_pieces(pieces, Behavior::kMergedWithNext, [&](const std::string& text) { return marks.cut(text); });
  };
}

std::vector<TextRange> digits_of(const std::string& text) {
  std::vector<TextRange> ranges;
  size_t at = 0;
  for (const char32_t point : from_utf8(text)) {
    std::string bytes;
    append_utf8(bytes, point);
    const size_t end = at + bytes.size();
    if (!is_number(point) && !ranges.empty() && !ranges.back().match) {
      ranges.back().end = end;
    } else {
      ranges.push_back({at, end, is_number(point)});
    }
    at = end;
  }
  return ranges;
}

PreTokenizer pre_tokenizer_of(const StageReader::Json& json, const std::string& place, int depth) {
  const StageReader stage(json, "pre_tokenizer", place);
  const std::string& type = stage.type();
  if (type == "Sequence") {
    if (depth > 5) stage.refuse("lies too deep in other ones");
    std::vector<PreTokenizer> all;
    for (const auto& inner : stage.list("pretokenizers"))
      all.push_back(pre_tokenizer_of(inner, place, depth + 1));
    return [all](std::vector<TextPiece>& pieces) {
      for (const PreTokenizer& one : all) one(pieces);
    };
  }
  if (type == "Split") return splitting(stage);
  if (type == "ByteLevel") return byte_level(stage);
  if (type == "Metaspace") return metaspace(stage);
  if (type == "Digits") {
    const Behavior behavior =
        stage.flag("individual_digits", false) ? Behavior::kIsolated : Behavior::kContiguous;
    return [behavior](std::vector<TextPiece>& pieces) { cut_pieces(pieces, behavior, digits_of); };
  }
  stage.refuse_type("ByteLevel, Metaspace, Split, Digits and Sequence");
}

}  // namespace

PreTokenizer read_pre_tokenizer(const std::string& json, const std::string& place) {
  if (json.empty()) return [](std::vector<TextPiece>&) {};
  return pre_tokenizer_of(StageReader::Json::parse(json), place, 0);
}

}  // namespace reel::models
