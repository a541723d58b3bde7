#include "pipeline/run/model_shelf.h"

#include <c10/util/Exception.h>

#include <chrono>
#include <limits>
#include <new>

namespace reel::pipeline {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();

}  // namespace

ModelShelf::Item ModelShelf::take(const std::string& key, bool spare, const std::function<size_t()>& bytes,
                                  const Load& load) {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->key != key) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->item;
  }
  const size_t needed = bytes();
  make_room(needed);
  const auto start = std::chrono::steady_clock::now();
  const auto idle = [](const Entry& entry) { return entry.item.component.use_count() == 1; };
  Item item;
  try {
    item = load();
  } catch (const c10::OutOfMemoryError&) {
    if (drop(idle, kAll) == 0) throw;
    item = load();
  } catch (const std::bad_alloc&) {
    if (drop(idle, kAll) == 0) throw;
    item = load();
  }
  load_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  entries_.push_front({key, item, needed, spare});
  bytes_ += needed;
  return item;
}

/// Lets go of entries, those that were not used for longest first, until `enough` bytes are free; returns how many are.
size_t ModelShelf::drop(const std::function<bool(const Entry&)>& which, size_t enough) {
  size_t freed = 0;
  for (auto entry = entries_.end(); entry != entries_.begin() && freed < enough;) {
    if (!which(*--entry)) continue;
    freed += entry->bytes;
    entry = entries_.erase(entry);
  }
  bytes_ -= freed;
  return freed;
}

void ModelShelf::make_room(size_t needed) {
  if (available_ && available_() < needed)
    drop([](const Entry& entry) { return entry.spare && entry.item.component.use_count() == 1; }, kAll);
  const size_t left = needed < budget_ ? budget_ - needed : 0;
  if (bytes_ > left) drop([](const Entry&) { return true; }, bytes_ - left);
}

size_t ModelShelf::free() {
  const std::lock_guard lock(mutex_);
  return drop([](const Entry& entry) { return entry.item.component.use_count() == 1; }, kAll);
}

size_t ModelShelf::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

double ModelShelf::load_seconds() const {
  const std::lock_guard lock(mutex_);
  return load_seconds_;
}

}  // namespace reel::pipeline
