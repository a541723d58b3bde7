// Reading JSON of untrusted files: no key twice, bounded depth and size, linear time. Not for headers.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "models/files/utf8.h"

namespace reel::models {

/// Text of a file, made fit for a message: shortened, and escaped().
inline std::string shown(std::string_view text, size_t most = 80) {
  const bool cut = text.size() > most;
  return escaped(cut ? whole_characters(text, most - 3) : text) + (cut ? "..." : "");
}

struct JsonLimits {
  size_t depth = 64;       // of objects and lists within each other
  size_t keys = SIZE_MAX;  // of one object
  size_t values = 8'000'000;
};

/// Why a text was refused.
struct JsonFault {
  enum class Kind { kSyntax, kDuplicateKey, kTooDeep, kTooManyKeys, kTooManyValues };
  Kind kind;
  std::string detail = {};  // kSyntax: the parser's words; kDuplicateKey: the key
  std::string key = {};     // kSyntax: the last key before the fault, if there is one
};

/// Turns a fault into the error of the reader. Must throw.
using RefuseJson = std::function<void(const JsonFault&)>;

/// Builds a document while it watches the limits. Json is nlohmann::json, or nlohmann::ordered_json where the
/// order of keys matters. (nlohmann's own parser with a callback looks through the whole object whenever a
/// value in it ends: 100,000 objects in one take minutes.)
template <class Json>
class JsonBuilder : public nlohmann::json_sax<Json> {
 public:
  /// If `member` is given, it takes each member of the outermost object as soon as that is complete. The
  /// document then keeps only the keys, and `limits.values` counts for each member, so that a text of any
  /// length needs little memory.
  using Member = std::function<void(const std::string& key, const Json& value)>;
  JsonBuilder(JsonLimits limits, RefuseJson refuse, Member member = {})
      : limits_(limits), refuse_(std::move(refuse)), member_(std::move(member)) {}

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
    if (object.size() >= limits_.keys) fail({JsonFault::Kind::kTooManyKeys});
    const auto [item, added] = object.emplace(name, nullptr);
    if (!added) fail({JsonFault::Kind::kDuplicateKey, name});
    last_key_ = name;
    slot_ = &item->second;
    if (open_.size() == 1) member_key_ = name, member_slot_ = slot_;
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    fail({JsonFault::Kind::kSyntax, error.what(), last_key_});
    return false;
  }

 private:
  [[noreturn]] void fail(const JsonFault& fault) const {
    refuse_(fault);
    throw std::logic_error("a refusal of JSON must throw");
  }
  bool put(Json value) {
    add(std::move(value));
    return complete();
  }
  bool open(Json value) {
    open_.push_back(add(std::move(value)));
    if (open_.size() > limits_.depth) fail({JsonFault::Kind::kTooDeep});
    return true;
  }
  bool close() {
    open_.pop_back();
    return complete();
  }
  bool complete() {
    if (!member_ || open_.size() != 1 || !open_.front()->is_object()) return true;
    member_(member_key_, *member_slot_);
    *member_slot_ = nullptr;
    values_ = 0;
    return true;
  }
  // Where the value now is. The pointer holds while the value is open, because nothing is added around it
  // meanwhile.
  Json* add(Json value) {
    if (++values_ > limits_.values) fail({JsonFault::Kind::kTooManyValues});
    if (open_.empty()) return &(root_ = std::move(value));
    if (!open_.back()->is_array()) return &(*slot_ = std::move(value));
    open_.back()->push_back(std::move(value));
    return &open_.back()->back();
  }

  JsonLimits limits_;
  RefuseJson refuse_;
  Member member_;
  size_t values_ = 0;
  Json root_;
  std::vector<Json*> open_;  // objects and lists around the next value, outermost first
  Json* slot_ = nullptr;     // of the last key
  std::string last_key_;     // wherever it is
  std::string member_key_;   // the last key of the outermost object, and its slot
  Json* member_slot_ = nullptr;
};

/// A whole document. Throws: what `refuse` throws, for malformed text (UTF-8 included), a key that occurs
/// twice, and anything beyond the limits.
template <class Json>
Json parse_strict(std::string_view text, const JsonLimits& limits, RefuseJson refuse) {
  JsonBuilder<Json> builder(limits, std::move(refuse));
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace reel::models
