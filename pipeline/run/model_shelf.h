// Loaded components of models, kept by bytes.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace reel::pipeline {

/// One shelf for all kinds of components of a device. Makes room before it loads: what was not used for longest goes
/// first, and when memory is short text encoders go before all others, since a run needs them only at its beginning.
/// A component that a run still holds leaves the shelf but not the memory. Several threads may use it; they load
/// one after the other.
class ModelShelf {
 public:
  /// A component as the shelf sees it.
  struct Item {
    std::shared_ptr<void> component;
    std::vector<std::string> warnings;  // what loading it had to say
  };
  using Load = std::function<Item()>;

  /// `budget`: bytes. `available`: bytes that the device has left, asked before loading; empty: not known.
  explicit ModelShelf(size_t budget, std::function<size_t()> available = {})
      : budget_(budget), available_(std::move(available)) {}

  /// The component under `key`, loaded if it is not here. `bytes`: asked only then. `spare`: may go early.
  /// Throws: what `load` throws; if that is a lack of memory, once more after everything idle was let go.
  Item take(const std::string& key, bool spare, const std::function<size_t()>& bytes, const Load& load);

  /// Lets go of all that no run holds; returns its bytes.
  size_t free();
  size_t bytes() const;
  double load_seconds() const;  // that loading has taken so far

 private:
  struct Entry {
    std::string key;
    Item item;
    size_t bytes;
    bool spare;
  };
  size_t drop(const std::function<bool(const Entry&)>& which, size_t enough);
  void make_room(size_t needed);

  mutable std::mutex mutex_;  // guards all below
  const size_t budget_;
  const std::function<size_t()> available_;
  std::list<Entry> entries_;  // most recently used first
  size_t bytes_ = 0;
  double load_seconds_ = 0;
};

}  // namespace reel::pipeline
