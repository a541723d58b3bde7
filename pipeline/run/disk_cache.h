// Results of nodes, kept on disk for later processes.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "attention/plugin/edit_registry.h"
#include "pipeline/run/cache.h"

namespace reel::pipeline {

/// XDG_CACHE_HOME/reel, else HOME/.cache/reel; empty if neither variable is set.
std::string default_cache_dir();

/// Keeps outcomes by content key, one safetensors file each, in FOLDER/results-1/. Files are written through
/// a temporary file and a rename, so processes may share a folder. A damaged file is reported, removed and
/// treated as absent. If the files exceed the budget, those not used for longest are removed. A fault of the
/// disk never throws: without its cache a run is only slower, and a warning says so. Several threads may use it.
class DiskCache {
 public:
  using Warn = std::function<void(const std::string&)>;
  /// `edits` restores the edit plans of models; null: outcomes with edits are not kept.
  DiskCache(std::string folder, size_t budget, const attention::EditRegistry* edits);

  /// The outcome, or null. Tensors that were not on the CPU are put on `device`.
  std::shared_ptr<const Outcome> find(const std::string& key, at::Device device, const Warn& warn);
  /// Keeps an outcome, unless it cannot be written (it holds an edit that its text does not restore) or
  /// exceeds the budget by itself.
  void put(const std::string& key, const Outcome& outcome, const Warn& warn);
  void remove(const std::string& key);
  /// Marks an outcome as just used, so that it stays.
  void touch(const std::string& key);
  const std::string& folder() const { return folder_; }

 private:
  std::string path_of(const std::string& key) const;
  void shrink(size_t added);

  std::string folder_;
  size_t budget_;
  const attention::EditRegistry* edits_;
  std::mutex mutex_;             // guards what follows
  std::optional<size_t> bytes_;  // of the files, as far as this process knows
  bool warned_ = false;          // that it cannot be written: once is enough
};

}  // namespace reel::pipeline
