// Reading of untrusted text and JSON files. Internal to the tokenizers; not for headers.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/tokenizer_files.h"
#include "models/unicode.h"

namespace reel::models {

[[noreturn]] inline void refuse_file(const std::string& place, const std::string& fault) {
  throw std::runtime_error("[" + place + "] " + fault);
}

/// Text of a file for a message: shortened, and sound UTF-8.
inline std::string shown(std::string text) {
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return to_utf8(from_utf8(text));
}

/// Throws: std::runtime_error if the file cannot be read or is above 64 MB.
inline std::string read_text_file(const std::string& path) {
  constexpr uintmax_t kMaxBytes = uintmax_t{64} << 20;
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) {
    refuse_file(path, "must be a file, and is not there; fetch the tokenizer folder again");
  }
  const uintmax_t bytes = std::filesystem::file_size(path, code);
  if (code || bytes > kMaxBytes) {
    refuse_file(path,
                "must have at most 64 MB, has " + std::to_string(bytes >> 20) + "; is it the right file?");
  }
  std::ifstream stream(path, std::ios::binary);
  std::string text(bytes, '\0');
  if (!stream.read(text.data(), static_cast<std::streamsize>(bytes))) {
    refuse_file(path, "cannot be read; check its permissions");
  }
  return text;
}

/// Builds a JSON document while it watches its limits. Json is nlohmann::json, or nlohmann::ordered_json
/// where the order of keys matters. (nlohmann's own parser with a callback takes quadratic time for a list of
/// objects.)
template <class Json>
class JsonBuilder : public nlohmann::json_sax<Json> {
 public:
  JsonBuilder(std::string place, size_t max_keys) : place_(std::move(place)), max_keys_(max_keys) {}

  Json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(typename Json::number_integer_t value) override { return put(value); }
  bool number_unsigned(typename Json::number_unsigned_t value) override { return put(value); }
  bool number_float(typename Json::number_float_t value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(typename Json::binary_t&) override { return false; }  // no JSON text holds any
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    auto& object = open_.back()->template get_ref<typename Json::object_t&>();
    if (object.size() >= max_keys_) {
      refuse_file(place_, "must have at most " + std::to_string(max_keys_) +
                              " keys in an object; is it the right file?");
    }
    const auto [item, added] = object.emplace(name, nullptr);
    if (!added) refuse_file(place_, "has the key '" + shown(name) + "' twice in one object; remove one");
    slot_ = &item->second;
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    const std::string what = error.what();  // "[json.exception...] parse error at line 1, column 2: ..."
    refuse_file(place_,
                "must be JSON: " + shown(what.substr(what.find("] ") + 2)) + "; fetch the file again");
  }

 private:
  static constexpr size_t kMaxDepth = 64;
  static constexpr size_t kMaxValues = 8'000'000;

  bool put(Json value) {
    add(std::move(value));
    return true;
  }
  bool open(Json value) {
    open_.push_back(add(std::move(value)));
    if (open_.size() > kMaxDepth)
      refuse_file(place_, "must be nested at most 64 levels deep; is it the right file?");
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  // Where the value now is. The pointer holds while the value is open, since nothing is added around it
  // meanwhile.
  Json* add(Json value) {
    if (++values_ > kMaxValues)
      refuse_file(place_, "must have at most 8 million values; is it the right file?");
    if (open_.empty()) return &(root_ = std::move(value));
    if (!open_.back()->is_array()) return &(*slot_ = std::move(value));
    open_.back()->push_back(std::move(value));
    return &open_.back()->back();
  }

  std::string place_;
  size_t max_keys_;
  size_t values_ = 0;
  Json root_;
  std::vector<Json*> open_;  // objects and lists around the next value, outermost first
  Json* slot_ = nullptr;     // of the last key
};

/// Throws: std::runtime_error if the file is malformed (UTF-8 included), not an object, has a key twice, is
/// nested deeper than 64 levels, or has more than `max_keys` keys in an object or more than eight million
/// values.
template <class Json>
Json read_json_object(const std::string& path, size_t max_keys) {
  JsonBuilder<Json> builder(path, max_keys);
  Json::sax_parse(read_text_file(path), &builder);
  Json document = builder.take();
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

  /// An object with `content` and options, or a text, which has the options of an ordinary token. `key` names
  /// it.
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
