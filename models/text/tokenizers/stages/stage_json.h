// Reading the parts of a tokenizer.json that describe its stages. Not for headers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "models/text/tokenizer_json.h"

namespace reel::models {

/// One object with a `type`, in the part `part` of the file `place`.
class StageReader {
 public:
  using Json = nlohmann::json;

  StageReader(const Json& stage, std::string part, std::string place)
      : stage_(stage), part_(std::move(part)), place_(std::move(place)) {
    if (!stage_.is_object() || !stage_.contains("type") || !stage_["type"].is_string()) {
      refuse("must be an object with a 'type'");
    }
    type_ = stage_["type"].get<std::string>();
  }

  const std::string& type() const { return type_; }
  const std::string& place() const { return place_; }

  /// Absent and null values give `otherwise`. Throws: std::runtime_error if the value is of another kind.
  bool flag(const char* key, bool otherwise) const {
    const Json value = get(key);
    if (value.is_null()) return otherwise;
    if (!value.is_boolean()) refuse(std::string("'") + key + "' must be true or false");
    return value.get<bool>();
  }
  std::string text(const char* key) const {
    const Json value = get(key);
    if (!value.is_string()) refuse(std::string("'") + key + "' must be a text");
    return value.get<std::string>();
  }
  std::string text(const char* key, const std::string& otherwise) const {
    return get(key).is_null() ? otherwise : text(key);
  }
  int64_t count(const char* key) const {
    const Json value = get(key);
    if (!value.is_number_integer() || value < 0 || value > 1'000'000) {
      refuse(std::string("'") + key + "' must be an integer from 0 to 1000000");
    }
    return value.get<int64_t>();
  }
  Json get(const char* key) const {
    const auto found = stage_.find(key);
    return found == stage_.end() ? Json() : *found;
  }
  /// The list of stages of a Sequence, at most 50.
  Json list(const char* key) const {
    Json value = get(key);
    if (!value.is_array() || value.size() > 50)
      refuse(std::string("'") + key + "' must be a list of at most 50 stages");
    return value;
  }

  [[noreturn]] void refuse(const std::string& fault) const {
    refuse_file(place_, "'" + part_ + "' " + (type_.empty() ? "" : "of type '" + shown(type_) + "': ") +
                            fault + "; fetch the file again");
  }
  [[noreturn]] void refuse_type(const std::string& known) const {
    refuse_file(place_, "'" + part_ + "' asks for '" + shown(type_) +
                            "', which is not supported; known are " + known);
  }

 private:
  Json stage_;
  std::string part_, place_, type_;
};

}  // namespace reel::models
