#include "pipeline/evaluation/world/world_entry_json.h"

#include <c10/util/StringUtil.h>

#include <stdexcept>

#include "attention/plugin/spec.h"
#include "models/files/input/input_file.h"
#include "models/files/strict_json.h"

namespace reel::world {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostBytes = 16 << 20;

}  // namespace

void WorldEntry::fail(const std::string& expected) const {
  std::string found = value_.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (found.size() > 60) found = found.substr(0, 57) + "...";
  throw std::runtime_error(c10::str("[", file_, "] '", path_, "' must be ", expected, ", got ", found,
                                    "; restore the file from the release"));
}

bool WorldEntry::has(const char* key) const {
  known_->insert(path_of(key));
  return value_.is_object() && value_.contains(key) && !value_[key].is_null();
}

WorldEntry WorldEntry::at(const char* key) const {
  if (!value_.is_object()) fail("an object");
  if (!has(key)) {
    throw std::runtime_error(c10::str("[", file_, "] '", path_, path_.empty() ? "" : ".", key,
                                      "' is missing; restore the file from the release"));
  }
  return {file_, path_of(key), value_[key], known_};
}

std::vector<WorldEntry> WorldEntry::list(size_t least, size_t most) const {
  if (!value_.is_array() || value_.size() < least || value_.size() > most) {
    fail(least == most ? c10::str("a list of ", least) : c10::str("a list of ", least, " to ", most));
  }
  std::vector<WorldEntry> all;
  for (size_t i = 0; i < value_.size(); ++i)
    all.push_back({file_, c10::str(path_, "[", i, "]"), value_[i], known_});
  return all;
}

double WorldEntry::number(double low, double high) const {
  // The comparison also refuses what is not a number at all.
  if (!value_.is_number() || !(value_.get<double>() >= low && value_.get<double>() <= high)) {
    fail(c10::str("a number from ", low, " to ", high));
  }
  return value_.get<double>();
}

int64_t WorldEntry::integer(int64_t low, int64_t high) const {
  if (!value_.is_number_integer()) fail("a whole number");
  return static_cast<int64_t>(number(static_cast<double>(low), static_cast<double>(high)));
}

std::string WorldEntry::text() const {
  if (!value_.is_string()) fail("a text");
  return value_.get<std::string>();
}

std::string WorldEntry::words() const {
  const std::string text = this->text();
  const bool clean = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz ") == std::string::npos;
  if (text.empty() || text.size() > 40 || !clean || text.front() == ' ' || text.back() == ' ') {
    fail("lower-case words");
  }
  return text;
}

Interval WorldEntry::interval(double low, double high) const {
  const std::vector<WorldEntry> ends = list(2, 2);
  const Interval read{ends[0].number(low, high), ends[1].number(low, high)};
  if (read.low > read.high) fail("a range [low, high]");
  return read;
}

Colour WorldEntry::colour() const {
  const std::vector<WorldEntry> channels = list(3, 3);
  return {channels[0].number(0, 1), channels[1].number(0, 1), channels[2].number(0, 1)};
}

void WorldEntry::refuse_unknown(const std::set<std::string>& for_others) const {
  if (value_.is_array()) {
    for (size_t i = 0; i < value_.size(); ++i)
      WorldEntry(file_, c10::str(path_, "[", i, "]"), value_[i], known_).refuse_unknown(for_others);
  }
  if (!value_.is_object()) return;
  for (const auto& [key, value] : value_.items()) {
    const std::string path = path_of(key);
    if (for_others.contains(path)) continue;
    if (!known_->contains(path)) refuse_key(key);
    WorldEntry(file_, path, value, known_).refuse_unknown(for_others);
  }
}

void WorldEntry::refuse_key(const std::string& key) const {
  std::vector<std::string> names;
  for (const std::string& path : *known_) {
    const size_t end = path.rfind('.');
    if ((end == std::string::npos ? "" : path.substr(0, end)) == path_)
      names.push_back(path.substr(end == std::string::npos ? 0 : end + 1));
  }
  const std::string near = nearest_name(key, names);
  throw std::runtime_error(c10::str("[", file_, "] '", models::shown(path_of(key), 200),
                                    "' is no key of a world; ",
                                    near.empty() ? "take it out" : "did you mean '" + near + "'?"));
}

Json read_world_file(const std::string& path, const std::string& folder_holds) {
  if (!models::has_input(path)) {
    throw std::runtime_error(c10::str("[", path, "] cannot be opened; the folder must hold ", folder_holds));
  }
  const std::string text = models::read_input({.path = path, .most_bytes = kMostBytes});
  return models::parse_strict<Json>(
      text, {.depth = 16, .values = 1'000'000}, [&](const models::JsonFault& fault) {
        using Kind = models::JsonFault::Kind;
        const std::string what = fault.kind == Kind::kSyntax ? "is not JSON: " + models::shown(fault.detail)
                                 : fault.kind == Kind::kDuplicateKey
                                     ? "has the key '" + models::shown(fault.detail) + "' twice"
                                     : "has more parts than a world has";
        throw std::runtime_error("[" + path + "] " + what + "; correct the file there");
      });
}

}  // namespace reel::world
