// Reading the files of a world: every complaint names the file and the entry.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "pipeline/evaluation/world/world.h"

namespace reel::world {

/// A value of a file and the path to it. It refers to the document, which must outlive it. Every function throws
/// std::runtime_error "[file] 'path' must be ..., got ..." for a value of another kind or out of range.
class WorldEntry {
 public:
  /// The document as a whole.
  WorldEntry(std::string file, const nlohmann::json& document)
      : WorldEntry(std::move(file), "", document, std::make_shared<std::set<std::string>>()) {}

  [[noreturn]] void fail(const std::string& expected) const;
  bool has(const char* key) const;
  WorldEntry at(const char* key) const;
  std::vector<WorldEntry> list(size_t least, size_t most) const;
  double number(double low, double high) const;
  double number_or_zero(const char* key, double low, double high) const {
    return has(key) ? at(key).number(low, high) : 0.0;
  }
  int64_t integer(int64_t low, int64_t high) const;
  std::string text() const;
  /// Lower-case words, at most 40 letters.
  std::string words() const;
  Interval interval(double low, double high) const;
  Colour colour() const;
  /// Refuses keys of this value, and of those in it, that nothing has asked for. `for_others`: paths of entries that other
  /// programs read; what is in them is not looked at.
  void refuse_unknown(const std::set<std::string>& for_others) const;

 private:
  using Paths = std::shared_ptr<std::set<std::string>>;
  WorldEntry(std::string file, std::string path, const nlohmann::json& value, Paths known)
      : file_(std::move(file)), path_(std::move(path)), value_(value), known_(std::move(known)) {}
  std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  [[noreturn]] void refuse_key(const std::string& key) const;

  std::string file_, path_;
  const nlohmann::json& value_;
  Paths known_;  // of all keys that were asked for, given or not
};

/// Reads a JSON file of a world, of at most 16 MiB. `folder_holds`: what its folder should hold, for the message if there
/// is no such file. Throws: std::runtime_error "[path] ...".
nlohmann::json read_world_file(const std::string& path, const std::string& folder_holds);

}  // namespace reel::world
