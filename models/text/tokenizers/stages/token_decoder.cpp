#include "models/text/tokenizers/stages/token_decoder.h"

#include "models/files/utf8.h"
#include "models/text/tokenizer_bpe.h"
#include "models/text/tokenizers/byte_token.h"
#include "models/text/tokenizers/stages/stage_json.h"
#include "models/text/tokenizers/stages/stage_pattern.h"

namespace reel::models {

namespace {

using Tokens = std::vector<std::string>;

std::string fused(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

Tokens from_byte_level(const Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) bytes += ByteLevelBpe::bytes_of(token);
  return {to_utf8(from_utf8(bytes))};
}

// Runs of tokens like <0x41> become the text of their bytes; if they are no text, each byte becomes U+FFFD.
Tokens from_byte_tokens(const Tokens& tokens) {
  Tokens result;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (to_utf8(from_utf8(bytes)) == bytes) {
      result.push_back(bytes);
    } else {
      result.insert(result.end(), bytes.size(), "\xEF\xBF\xBD");
    }
    bytes.clear();
  };
  for (const std::string& token : tokens) {
    if (const int byte = byte_of_token(token); byte >= 0) {
      bytes += static_cast<char>(byte);
      continue;
    }
    flush();
    result.push_back(token);
  }
  flush();
  return result;
}

TokenDecoder stripping_tokens(const StageReader& stage) {
  const std::u32string content = from_utf8(stage.text("content"));
  if (content.size() != 1) stage.refuse("'content' must be one character");
  const auto start = static_cast<size_t>(stage.count("start")),
             stop = static_cast<size_t>(stage.count("stop"));
  return [=, character = content[0]](Tokens tokens) {
    for (std::string& token : tokens) {
      const std::u32string points = from_utf8(token);
      size_t begin = 0, end = points.size();
      while (begin < start && begin < points.size() && points[begin] == character) ++begin;
      while (points.size() - end < stop && end > begin && points[end - 1] == character) --end;
      token = to_utf8(std::u32string_view(points).substr(begin, end - begin));
    }
    return tokens;
  };
}

TokenDecoder replacing_in_tokens(const StageReader& stage) {
  const TokenPattern pattern = read_stage_pattern(stage);
  const std::string content = stage.text("content");
  return [=](Tokens tokens) {
    for (std::string& token : tokens) {
      std::string text;
      for (const TextRange& range : pattern.cut(token)) {
        text += range.match ? content : token.substr(range.begin, range.end - range.begin);
      }
      token = std::move(text);
    }
    return tokens;
  };
}

TokenDecoder from_metaspace(const StageReader& stage) {
  const std::u32string mark = from_utf8(stage.text("replacement"));
  if (mark.size() != 1) stage.refuse("'replacement' must be one character");
  const bool never =
      stage.text("prepend_scheme", stage.flag("add_prefix_space", true) ? "always" : "never") == "never";
  return [=, character = mark[0]](Tokens tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::u32string text;
      for (const char32_t point : from_utf8(tokens[i])) {
        if (point != character) {
          text += point;
        } else if (i > 0 || never) {
          text += U' ';
        }
      }
      tokens[i] = to_utf8(text);
    }
    return tokens;
  };
}

TokenDecoder decoder_of(const StageReader::Json& json, const std::string& place, int depth) {
  const StageReader stage(json, "decoder", place);
  const std::string& type = stage.type();
  if (type == "Sequence") {
    if (depth > 5) stage.refuse("lies too deep in other ones");
    std::vector<TokenDecoder> all;
    for (const auto& inner : stage.list("decoders")) all.push_back(decoder_of(inner, place, depth + 1));
    return [all](Tokens tokens) {
      for (const TokenDecoder& one : all) tokens = one(std::move(tokens));
      return tokens;
    };
  }
  if (type == "ByteLevel") return from_byte_level;
  if (type == "ByteFallback") return from_byte_tokens;
  if (type == "Fuse") return [](const Tokens& tokens) { return Tokens{fused(tokens)}; };
  if (type == "Strip") return stripping_tokens(stage);
  if (type == "Replace") return replacing_in_tokens(stage);
  if (type == "Metaspace") return from_metaspace(stage);
  stage.refuse_type("ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace and Sequence");
}

}  // namespace

TokenDecoder read_decoder(const std::string& json, const std::string& place) {
  if (!json.empty()) return decoder_of(StageReader::Json::parse(json), place, 0);
  return [](Tokens tokens) {
    for (size_t i = 1; i < tokens.size(); ++i) tokens[i].insert(0, " ");
    return tokens;
  };
}

}  // namespace reel::models
