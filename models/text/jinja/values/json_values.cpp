#include "models/text/jinja/values/json_values.h"

#include <nlohmann/json.hpp>

#include "models/files/strict_json.h"

namespace reel::models::jinja {

namespace {

Value converted_json(const nlohmann::ordered_json& json, Budget& budget) {
  switch (json.type()) {
    case nlohmann::ordered_json::value_t::null:
      return {};
    case nlohmann::ordered_json::value_t::boolean:
      return Value(json.get<bool>());
    case nlohmann::ordered_json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case nlohmann::ordered_json::value_t::number_unsigned:
      if (json.get<uint64_t>() > uint64_t{INT64_MAX}) {
        throw Fault(FaultKind::kUnsupported, "has an integer beyond 64 bits: " + json.dump());
      }
      return Value(json.get<int64_t>());
    case nlohmann::ordered_json::value_t::number_float:
      return Value(json.get<double>());
    case nlohmann::ordered_json::value_t::string:
      return Value(json.get<std::string>());
    case nlohmann::ordered_json::value_t::array: {
      Values items;
      for (const auto& item : json) items.push_back(converted_json(item, budget));
      return Value::list(std::move(items), budget);
    }
    case nlohmann::ordered_json::value_t::object: {
      Dict dict;
      for (const auto& [key, item] : json.items()) dict.set(Value(key), converted_json(item, budget));
      return Value::dict(std::move(dict), budget);
    }
    default:
      throw Fault(FaultKind::kUnsupported, "has a value that is no JSON");
  }
}

}  // namespace

Value value_of_json(std::string_view json, Budget& budget) {
  constexpr JsonLimits kLimits{.depth = 60, .keys = 100'000, .values = 1'000'000};
  const auto document = parse_strict<nlohmann::ordered_json>(json, kLimits, [](const JsonFault& fault) {
    if (fault.kind == JsonFault::Kind::kSyntax)
      throw Fault(FaultKind::kSyntax, "must be JSON: " + shown(fault.detail));
    if (fault.kind == JsonFault::Kind::kDuplicateKey) {
      throw Fault(FaultKind::kSyntax, "has the key '" + shown(fault.detail) + "' twice in one object");
    }
    throw Fault(FaultKind::kLimit, "must be nested at most 60 levels deep and have at most a million values");
  });
  return converted_json(document, budget);
}

}  // namespace reel::models::jinja
