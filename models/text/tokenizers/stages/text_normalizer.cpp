#include "models/text/tokenizers/stages/text_normalizer.h"

#include <algorithm>
#include <vector>

#include "models/files/utf8.h"
#include "models/text/tokenizers/stages/stage_json.h"
#include "models/text/tokenizers/stages/stage_pattern.h"
#include "models/text/unicode.h"

namespace reel::models {

namespace {

TextNormalizer replacing(const StageReader& stage) {
  const TokenPattern pattern = read_stage_pattern(stage);
  const std::string content = stage.text("content");
  return [pattern, content](const std::u32string& text) {
    const std::string utf8 = to_utf8(text);
    std::string result;
    for (const TextRange& range : pattern.cut(utf8)) {
      result += range.match ? content : utf8.substr(range.begin, range.end - range.begin);
    }
    return from_utf8(result);
  };
}

TextNormalizer stripping(bool left, bool right) {
  return [left, right](std::u32string text) {
    if (right) {
      while (!text.empty() && is_space(text.back())) text.pop_back();
    }
    if (left) text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
    return text;
  };
}

TextNormalizer normalizer_of(const StageReader::Json& json, const std::string& place, int depth) {
  const StageReader stage(json, "normalizer", place);
  const std::string& type = stage.type();
  if (type == "Sequence") {
    if (depth > 5) stage.refuse("lies too deep in other ones");
    std::vector<TextNormalizer> all;
    for (const auto& inner : stage.list("normalizers")) all.push_back(normalizer_of(inner, place, depth + 1));
    return [all](std::u32string text) {
      for (const TextNormalizer& one : all) text = one(std::move(text));
      return text;
    };
  }
  if (type == "Prepend") {
    const std::u32string front = from_utf8(stage.text("prepend"));
    return [front](std::u32string text) { return text.empty() ? text : front + text; };
  }
  if (type == "Replace") return replacing(stage);
  if (type == "NFC") return [](std::u32string text) { return compose(std::move(text)); };
  if (type == "Lowercase") return [](const std::u32string& text) { return lower_case(text); };
  if (type == "Strip") return stripping(stage.flag("strip_left", true), stage.flag("strip_right", true));
  stage.refuse_type("Prepend, Replace, NFC, Lowercase, Strip and Sequence");
}

}  // namespace

TextNormalizer read_normalizer(const std::string& json, const std::string& place) {
  if (json.empty()) return [](std::u32string text) { return text; };
  return normalizer_of(StageReader::Json::parse(json), place, 0);
}

}  // namespace reel::models
