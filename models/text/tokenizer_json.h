// Reading of untrusted text and JSON files. Internal to the tokenizers; not for headers.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "models/files/input/input_file.h"
#include "models/files/strict_json.h"
#include "models/text/tokenizer_files.h"

namespace reel::models {

[[noreturn]] inline void refuse_file(const std::string& place, const std::string& fault) {
  throw std::runtime_error("[" + place + "] " + fault);
}

/// Throws: std::runtime_error if it is no regular file, cannot be read or is above 64 MiB.
inline std::string read_text_file(const std::string& path) {
  constexpr uint64_t kMaxBytes = uint64_t{64} << 20;
  if (!has_input(path))
    refuse_file(path, "must be a file, and is not there; fetch the tokenizer folder again");
  return read_input({.path = path, .most_bytes = kMaxBytes});
}

/// Throws: std::runtime_error if the file is malformed (UTF-8 included), not an object, has a key twice, is
/// nested deeper than 64 levels, or has more than `max_keys` keys in an object or more than eight million
/// values.
template <class Json>
Json read_json_object(const std::string& path, size_t max_keys) {
  const JsonLimits limits{.keys = max_keys};
  Json document = parse_strict<Json>(read_text_file(path), limits, [&](const JsonFault& fault) {
    switch (fault.kind) {
      case JsonFault::Kind::kSyntax:  // "[json.exception...] parse error at line 1, column 2: ..."
        refuse_file(path, "must be JSON: " + shown(fault.detail.substr(fault.detail.find("] ") + 2)) +
                              "; fetch the file again");
      case JsonFault::Kind::kDuplicateKey:
        refuse_file(path, "has the key '" + shown(fault.detail) + "' twice in one object; remove one");
      case JsonFault::Kind::kTooDeep:
        refuse_file(path, "must be nested at most 64 levels deep; is it the right file?");
      case JsonFault::Kind::kTooManyKeys:
        refuse_file(path, "must have at most " + std::to_string(max_keys) +
                              " keys in an object; is it the right file?");
      case JsonFault::Kind::kTooManyValues:
        refuse_file(path, "must have at most 8 million values; is it the right file?");
    }
  });
  if (!document.is_object()) {
    refuse_file(path, std::string("must hold a JSON object, got ") + document.type_name() +
                          "; is it the right file?");
  }
  return document;
}

/// Reads tokens out of the JSON file `place`.
/// Throws: std::runtime_error if a value is of another kind, or a text has more than 4096 bytes.
struct TokenReader {
  std::string place;

  template <class Json>
  bool option(const Json& token, const char* key, bool absent) const {
    const auto found = token.find(key);
    if (found == token.end()) return absent;
    if (!found->is_boolean()) {
      refuse_file(place, std::string("'") + key + "' of a token must be true or false, got " +
                             shown(found->dump()) + "; correct the file or fetch it again");
    }
    return found->template get<bool>();
  }

  /// An object with `content` and options, or a text, which is a token with default options. `key` names it
  /// in messages.
  template <class Json>
  AddedToken token(const std::string& key, const Json& value) const {
    AddedToken token;
    if (value.is_string()) {
      token.content = value.template get<std::string>();
    } else if (value.is_object() && value.contains("content") && value["content"].is_string()) {
      token.content = value["content"].template get<std::string>();
      token.special = option(value, "special", false);
      if (value.contains("normalized")) token.normalized = option(value, "normalized", false);
      token.single_word = option(value, "single_word", false);
      token.lstrip = option(value, "lstrip", false);
      token.rstrip = option(value, "rstrip", false);
    } else {
      refuse_file(place, "'" + shown(key) + "' must be a token, a text or an object with 'content', got " +
                             shown(value.dump()) + "; correct the file or fetch it again");
    }
    if (token.content.size() > kMaxTokenBytes) {
      refuse_file(place, "'" + shown(key) + "' must have at most 4096 bytes, has " +
                             std::to_string(token.content.size()) + "; is it the right file?");
    }
    return token;
  }

  template <class Json>
  int64_t id(const std::string& token, const Json& value) const {
    if (value.is_number_integer() && value >= 0 && value < kIdLimit) return value.template get<int64_t>();
    refuse_file(place, "the id of '" + shown(token) + "' must be an integer from 0 to 999999, got " +
                           shown(value.dump()) + "; fetch the file again");
  }

  static constexpr int64_t kIdLimit = 1'000'000;
  static constexpr size_t kMaxTokenBytes = 4096;  // the search for an added token goes back as far
};

}  // namespace reel::models
