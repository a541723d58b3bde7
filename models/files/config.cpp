#include "models/files/config.h"

#include <nlohmann/json.hpp>

#include "models/files/input/input_file.h"
#include "models/files/strict_json.h"

namespace reel::models {

struct Config::Document {
  nlohmann::json json = nlohmann::json::object();
};

namespace {

constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr JsonLimits kConfigLimits{.depth = 64, .values = 1'000'000};

[[noreturn]] void refuse_value(const std::string& place, const std::string& key, const std::string& expected,
                               const nlohmann::json& found) {
  std::string got = found.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (got.size() > 60) got = got.substr(0, 57) + "...";
  throw std::runtime_error("[" + place + "] '" + key + "' must be " + expected + ", got " + got +
                           "; correct the file or fetch it again");
}

int64_t as_integer(const std::string& place, const std::string& key, const nlohmann::json& value) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX})
    refuse_value(place, key, "an integer", value);
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::floor(number) == number && std::abs(number) < 9e15) return static_cast<int64_t>(number);
  }
  refuse_value(place, key, "an integer", value);
}

void check_bounds(const std::string& place, const std::string& key, int64_t value, Config::Bounds bounds) {
  if (value >= bounds.low && value <= bounds.high) return;
  refuse_value(place, key,
               "an integer from " + std::to_string(bounds.low) + " to " + std::to_string(bounds.high), value);
}

double as_number(const std::string& place, const std::string& key, const nlohmann::json& value) {
  if (!value.is_number()) refuse_value(place, key, "a number", value);
  const double number = value.get<double>();
  if (!std::isfinite(number)) refuse_value(place, key, "a finite number", value);
  return number;
}

std::string as_text(const std::string& place, const std::string& key, const nlohmann::json& value) {
  if (!value.is_string()) refuse_value(place, key, "a text", value);
  return value.get<std::string>();
}

template <class T, class Read>
std::vector<T> as_list(const std::string& place, const std::string& key, const nlohmann::json& value,
                       Read read) {
  if (!value.is_array()) refuse_value(place, key, "a list", value);
  std::vector<T> items;
  for (const auto& item : value) items.push_back(read(place, key, item));
  return items;
}

/// `text` with the bare words that Python's json writes for non-finite numbers put in quotes.
std::string quote_nonfinite(const std::string& text) {
  std::string result;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\') {
      result += text.substr(i, 2);
      ++i;
      continue;
    }
    if (text[i] == '"') in_string = !in_string;
    const std::string_view rest = std::string_view(text).substr(i);
    std::string_view word;
    for (const std::string_view known : {"NaN", "Infinity", "-Infinity"}) {
      if (!in_string && rest.starts_with(known)) word = known;
    }
    if (word.empty()) {
      result += text[i];
      continue;
    }
    result += '"' + std::string(word) + '"';
    i += word.size() - 1;
  }
  return result;
}

}  // namespace

Config::Config() : document_(std::make_shared<Document>()), place_("defaults") {}

Config Config::parse(const std::string& text, const std::string& place) {
  if (text.size() > kMaxConfigBytes) {
    throw std::runtime_error("[" + place + "] the file has " + std::to_string(text.size() >> 20) +
                             " MiB, a configuration has at most 16; is it the right file?");
  }
  auto document = std::make_shared<Document>();
  document->json =
      parse_strict<nlohmann::json>(quote_nonfinite(text), kConfigLimits, [&](const JsonFault& fault) {
        switch (fault.kind) {
          case JsonFault::Kind::kSyntax:
            throw std::runtime_error("[" + place + "] is not valid JSON: " + fault.detail +
                                     "; fetch the file again");
          case JsonFault::Kind::kDuplicateKey:
            throw std::runtime_error("[" + place + "] has the key '" + shown(fault.detail) +
                                     "' twice; remove one");
          case JsonFault::Kind::kTooDeep:
            throw std::runtime_error("[" + place +
                                     "] is nested deeper than 64 levels; is it the right file?");
          case JsonFault::Kind::kTooManyKeys:
          case JsonFault::Kind::kTooManyValues:
            throw std::runtime_error("[" + place + "] has more than a million values; is it the right file?");
        }
      });
  if (!document->json.is_object()) {
    throw std::runtime_error("[" + place + "] must hold a JSON object, got " + document->json.type_name() +
                             "; is it the right file?");
  }
  Config config;
  config.document_ = std::move(document);
  config.place_ = place;
  return config;
}

Config Config::read(const std::string& path) {
  if (!has_input(path)) throw std::runtime_error("[" + path + "] does not exist; a model folder needs it");
  return parse(read_input({.path = path, .most_bytes = kMaxConfigBytes}), path);
}

bool Config::has(const std::string& key) const {
  const auto found = document_->json.find(key);
  return found != document_->json.end() && !found->is_null();
}

bool Config::is_list(const std::string& key) const { return has(key) && document_->json.at(key).is_array(); }

bool Config::is_text(const std::string& key) const { return has(key) && document_->json.at(key).is_string(); }

bool Config::is_number(const std::string& key) const {
  return has(key) && document_->json.at(key).is_number();
}

bool Config::is_object(const std::string& key) const {
  return has(key) && document_->json.at(key).is_object();
}

bool Config::is_false(const std::string& key) const { return has(key) && document_->json.at(key) == false; }

int64_t Config::integer(const std::string& key, int64_t absent) const {
  return has(key) ? as_integer(place_, key, document_->json.at(key)) : absent;
}

int64_t Config::bounded(const std::string& key, int64_t absent, int64_t low, int64_t high) const {
  const int64_t value = integer(key, absent);
  check_bounds(place_, key, value, {low, high});
  return value;
}

double Config::number(const std::string& key, double absent) const {
  return has(key) ? as_number(place_, key, document_->json.at(key)) : absent;
}

bool Config::flag(const std::string& key, bool absent) const {
  if (!has(key)) return absent;
  const auto& value = document_->json.at(key);
  if (!value.is_boolean()) refuse_value(place_, key, "true or false", value);
  return value.get<bool>();
}

std::string Config::text(const std::string& key, const std::string& absent) const {
  return has(key) ? as_text(place_, key, document_->json.at(key)) : absent;
}

std::vector<int64_t> Config::integers(const std::string& key, std::vector<int64_t> absent) const {
  return has(key) ? as_list<int64_t>(place_, key, document_->json.at(key), as_integer) : absent;
}

std::vector<double> Config::numbers(const std::string& key, std::vector<double> absent) const {
  return has(key) ? as_list<double>(place_, key, document_->json.at(key), as_number) : absent;
}

std::vector<std::string> Config::texts(const std::string& key, std::vector<std::string> absent) const {
  return has(key) ? as_list<std::string>(place_, key, document_->json.at(key), as_text) : absent;
}

std::vector<int64_t> Config::per_block(const std::string& key, size_t count, int64_t absent,
                                       Bounds bounds) const {
  if (!is_list(key)) return std::vector<int64_t>(count, bounded(key, absent, bounds.low, bounds.high));
  const std::vector<int64_t> values = integers(key, {});
  if (values.size() != count) {
    refuse_value(place_, key, "one integer or a list of " + std::to_string(count), document_->json.at(key));
  }
  for (const int64_t value : values) check_bounds(place_, key, value, bounds);
  return values;
}

std::vector<std::vector<int64_t>> Config::per_layer(const std::string& key,
                                                    const std::vector<int64_t>& lengths, int64_t absent,
                                                    Bounds bounds) const {
  std::vector<std::vector<int64_t>> result;
  const bool listed = is_list(key);
  if (listed && document_->json.at(key).size() != lengths.size()) {
    refuse_value(place_, key, "one integer or a list of " + std::to_string(lengths.size()),
                 document_->json.at(key));
  }
  for (size_t i = 0; i < lengths.size(); ++i) {
    const auto count = static_cast<size_t>(lengths[i]);
    if (!listed || !document_->json.at(key)[i].is_array()) {
      const int64_t all = listed ? as_integer(place_, key, document_->json.at(key)[i]) : integer(key, absent);
      result.emplace_back(count, all);
    } else {
      result.push_back(as_list<int64_t>(place_, key, document_->json.at(key)[i], as_integer));
    }
    if (result.back().size() != count) {
      refuse_value(place_, key, "a list of " + std::to_string(count) + " for block " + std::to_string(i),
                   document_->json.at(key));
    }
    for (const int64_t value : result.back()) check_bounds(place_, key, value, bounds);
  }
  return result;
}

Config Config::object(const std::string& key) const {
  Config config;
  config.place_ = place_ + ": " + key;
  if (!has(key)) return config;
  const auto& value = document_->json.at(key);
  if (!value.is_object()) refuse_value(place_, key, "an object", value);
  auto document = std::make_shared<Document>();
  document->json = value;
  config.document_ = std::move(document);
  return config;
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> names;
  for (const auto& item : document_->json.items()) names.push_back(item.key());
  return names;
}

std::string Config::json() const {
  return document_->json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Config Config::with(const std::string& key, const std::string& json_value) const {
  auto document = std::make_shared<Document>(*document_);
  document->json[key] = nlohmann::json::parse(json_value);
  Config config = *this;
  config.document_ = std::move(document);
  return config;
}

}  // namespace reel::models
