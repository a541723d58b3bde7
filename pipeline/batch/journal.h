// The journal of a batch: what is done, kept through crashes in an SQLite database.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/batch/input_list.h"

namespace reel::pipeline {

/// What became of one input.
struct JournalEntry {
  std::string stamp;    // of the file when it was read (file_stamp)
  bool failed = false;  // `line` tells an error
  std::string line;     // of the output, without its end
};

/// Entries are kept as soon as they are added: a killed process loses none (write-ahead log). After a power cut the last
/// ones may be missing, never a part of one. A journal belongs to one run at a time.
class Journal {
 public:
  /// Opens the journal `path`, or makes a new one. Throws: std::runtime_error "[path] ..." if it is no journal of this
  /// kind, another process uses it, or it cannot be written.
  explicit Journal(const std::string& path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Whether it was made just now.
  bool fresh() const { return fresh_; }
  const std::string& path() const { return path_; }

  /// What the run was told, by name; empty if the journal is fresh.
  std::map<std::string, std::string> settings() const;
  std::vector<BatchInput> inputs() const;
  /// Begins a fresh journal. Throws: std::runtime_error if it cannot be written.
  void begin(const std::map<std::string, std::string>& settings, const std::vector<BatchInput>& inputs);
  /// Inputs that come after all others.
  void append(const std::vector<BatchInput>& inputs);

  std::optional<JournalEntry> find(size_t index) const;
  /// Calls `visit` for each entry, by index. Throws: std::runtime_error for an index that no input has.
  void for_each(const std::function<void(size_t index, const JournalEntry& entry)>& visit) const;
  /// Throws: std::runtime_error if it cannot be written.
  void add(size_t index, const JournalEntry& entry);
  /// Forgets the entries of failed inputs.
  void forget_failed();

 private:
  class Database;
  std::string path_;
  bool fresh_ = false;
  std::unique_ptr<Database> database_;
};

}  // namespace reel::pipeline
