// Results of nodes, kept in memory for later runs.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "attention/processor.h"
#include "pipeline/graph/node.h"
#include "pipeline/run/report.h"

namespace reel::pipeline {

/// The result of one execution of a node.
struct Outcome {
  std::vector<Value> values;                 // one per output
  std::map<std::string, std::string> facts;  // of its report
  std::vector<attention::EditReport> edits;
  std::vector<Shown> shown;  // a cached node shows it again
  /// Files that the node wrote, with their stamps right after.
  std::vector<std::pair<std::string, std::string>> written;
};

/// True if every file that the node wrote is unchanged.
bool files_unchanged(const Outcome& outcome);

/// Keeps outcomes by content key, and drops those that were not used for longest. Their size is that of their
/// texts and of the storages of their tensors; a storage that several outcomes share counts once. Several threads may
/// use it.
class MemoryCache {
 public:
  explicit MemoryCache(size_t budget) : budget_(budget) {}
  /// The outcome, or null. Makes it the most recently used.
  std::shared_ptr<const Outcome> find(const std::string& key);
  /// Keeps an outcome, unless it exceeds the budget by itself.
  void put(const std::string& key, std::shared_ptr<const Outcome> outcome);
  void remove(const std::string& key);
  size_t bytes() const;
  size_t count() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Outcome> outcome;
    std::map<const void*, size_t> storages;  // distinct ones, with their sizes
    size_t own_bytes = 0;                    // besides tensors
  };
  using Entries = std::list<Entry>;  // most recently used first
  void erase(Entries::iterator entry);
  void remove_known(const std::string& key);

  mutable std::mutex mutex_;  // guards all below
  const size_t budget_;
  size_t bytes_ = 0;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> index_;
  std::unordered_map<const void*, size_t> users_;  // of each storage
};

}  // namespace reel::pipeline
