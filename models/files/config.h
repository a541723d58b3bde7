// A model's or scheduler's JSON configuration, read as the Python classes read theirs: absent keys mean
// defaults.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace reel::models {

/// A JSON object with typed, checked access. `null` counts as absent. Copies share the document. NaN,
/// Infinity and -Infinity, which Python writes although JSON has no such numbers, are kept as the texts
/// "NaN", "Infinity", "-Infinity".
/// Every accessor throws std::runtime_error "[place] 'key' must be ..., got ...; ..." on a wrong type, and
/// returns `absent` if the key is absent.
class Config {
 public:
  /// An empty object: all defaults.
  Config();
  /// Throws: std::runtime_error if the file is missing, above 16 MB, nested deeper than 64, has more than a
  /// million values or a key twice, or is not a JSON object.
  static Config read(const std::string& path);
  static Config parse(const std::string& text, const std::string& place);

  bool has(const std::string& key) const;        // present and not null
  bool is_list(const std::string& key) const;    // present and a JSON array
  bool is_text(const std::string& key) const;    // present and a JSON string
  bool is_number(const std::string& key) const;  // present and a JSON number
  bool is_object(const std::string& key) const;  // present and a JSON object
  bool is_false(const std::string& key) const;   // present and false
  int64_t integer(const std::string& key, int64_t absent) const;
  double number(const std::string& key, double absent) const;
  bool flag(const std::string& key, bool absent) const;
  std::string text(const std::string& key, const std::string& absent) const;
  std::vector<int64_t> integers(const std::string& key, std::vector<int64_t> absent) const;
  std::vector<double> numbers(const std::string& key, std::vector<double> absent) const;
  std::vector<std::string> texts(const std::string& key, std::vector<std::string> absent) const;

  /// An integer in [low, high]. For sizes, so that a file is checked where it is read.
  int64_t bounded(const std::string& key, int64_t absent, int64_t low, int64_t high) const;

  struct Bounds {
    int64_t low, high;
  };
  /// One integer for each of `count` blocks, within bounds: a list, or one number that stands for all of
  /// them.
  /// Throws: std::runtime_error if a list has another length.
  std::vector<int64_t> per_block(const std::string& key, size_t count, int64_t absent, Bounds bounds) const;

  /// As per_block, but the entry of block i may itself be a list, of `lengths[i]` integers. One number stands
  /// for all.
  std::vector<std::vector<int64_t>> per_layer(const std::string& key, const std::vector<int64_t>& lengths,
                                              int64_t absent, Bounds bounds) const;

  Config object(const std::string& key) const;  // empty if absent
  std::vector<std::string> keys() const;
  const std::string& place() const { return place_; }
  /// The document as compact JSON text, keys sorted: for hashes and reports.
  std::string json() const;

  /// This object with `key` set to a JSON value, which is given as text. Overrides a setting of the file.
  Config with(const std::string& key, const std::string& json_value) const;

 private:
  struct Document;
  std::shared_ptr<const Document> document_;
  std::string place_;
};

}  // namespace reel::models
