#include "pipeline/run/cache.h"

#include "pipeline/run/file_stamp.h"

namespace reel::pipeline {
namespace {

/// Adds up what a value holds: storages by address, everything else as bytes.
struct Weigher {
  std::map<const void*, size_t>& storages;
  size_t& own_bytes;

  void add(const at::Tensor& tensor) {
    if (tensor.defined() && tensor.has_storage()) {
      storages[tensor.storage().unsafeGetStorageImpl()] = tensor.storage().nbytes();
    }
  }
  void add(const std::string& text) { own_bytes += text.size(); }

  void operator()(std::monostate) {}
  void operator()(bool) {}
  void operator()(int64_t) {}
  void operator()(double) {}
  void operator()(const std::string& text) { add(text); }
  void operator()(const media::Frames& frames) { add(frames.pixels); }
  void operator()(const Images& images) { add(images.pixels); }
  void operator()(const Latent& latent) { add(latent.samples); }
  void operator()(const PromptContext& prompt) { add(prompt.context); }
  // Handles describe, and share the description of their folder; the networks belong to the model cache.
  void operator()(const ModelHandle& model) { own_bytes += 4096 + 1024 * model.edits.size(); }
  void operator()(const ClipHandle& clip) { own_bytes += 256 + 64 * clip.loras.size(); }
  void operator()(const VaeHandle&) { own_bytes += 64; }
  void operator()(const CaptionerHandle& captioner) { own_bytes += 256 + 1024 * captioner.edits.size(); }
};

}  // namespace

bool files_unchanged(const Outcome& outcome) {
  for (const auto& [path, stamp] : outcome.written) {
    if (stamp.empty() || file_stamp(path) != stamp) return false;
  }
  return true;
}

std::shared_ptr<const Outcome> MemoryCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->outcome;
}

void MemoryCache::put(const std::string& key, std::shared_ptr<const Outcome> outcome) {
  Entry entry{key, std::move(outcome), {}, 0};
  entry.own_bytes = sizeof(Entry) + key.size() + entry.outcome->values.size() * sizeof(Value);
  for (const auto& [name, text] : entry.outcome->facts) entry.own_bytes += name.size() + text.size();
  Weigher weigher{entry.storages, entry.own_bytes};
  for (const Value& value : entry.outcome->values) std::visit(weigher, value);
  size_t alone = entry.own_bytes;
  for (const auto& [storage, size] : entry.storages) alone += size;
  const std::lock_guard lock(mutex_);
  remove_known(key);
  if (alone > budget_) return;  // keeping it would drop everything else, and then itself
  for (const auto& [storage, size] : entry.storages) {
    if (users_[storage]++ == 0) bytes_ += size;
  }
  bytes_ += entry.own_bytes;
  entries_.push_front(std::move(entry));
  index_[key] = entries_.begin();
  while (bytes_ > budget_) erase(std::prev(entries_.end()));
}

void MemoryCache::remove(const std::string& key) {
  const std::lock_guard lock(mutex_);
  remove_known(key);
}

size_t MemoryCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

size_t MemoryCache::count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void MemoryCache::remove_known(const std::string& key) {
  if (const auto found = index_.find(key); found != index_.end()) erase(found->second);
}

void MemoryCache::erase(Entries::iterator entry) {
  for (const auto& [storage, size] : entry->storages) {
    if (--users_[storage] > 0) continue;
    users_.erase(storage);
    bytes_ -= size;
  }
  bytes_ -= entry->own_bytes;
  index_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace reel::pipeline
