#include "pipeline/run/disk_cache.h"
#include "attention/plugin/edit_registry.h"

#include <cstdlib>
#include <filesystem>

#include "models/files/part_file.h"
#include "models/files/safetensors.h"
#include "models/hashing/hash.h"
#include "pipeline/run/outcome_json.h"

namespace reel::pipeline {
namespace {

namespace fs = std::filesystem;
constexpr unsigned kPrivate = 0600;           // prompts and pictures are the user's own business
constexpr const char* kFolder = "results-1";  // raised when the files' contents change
constexpr const char* kSuffix = ".safetensors";

/// What damage to the text or a tensor would change.
std::string checksum(const PackedOutcome& packed) {
  models::Hash hash;
  hash.field(packed.json);
  for (const auto& [name, tensor] : packed.tensors) {
    hash.field(name).field(uint64_t{tensor.nbytes()});
    hash.bytes(tensor.data_ptr(), tensor.nbytes());
  }
  return hash.hex();
}

struct File {
  fs::path path;
  fs::file_time_type used;
  size_t bytes;
};

/// The cache's own files below its folder; anything else there is left alone.
std::vector<File> list_files(const fs::path& folder) {
  std::vector<File> files;
  std::error_code code;
  fs::recursive_directory_iterator entry(folder, code), end;
  for (; !code && entry != end; entry.increment(code)) {
    std::error_code ignored;
    std::string name = entry->path().filename().string();
    if (name.starts_with(".")) name.erase(0, 1);  // half a file, left by a process that was killed
    if (name.size() < 64 || name.find(kSuffix) != 64 || !entry->is_regular_file(ignored)) continue;
    files.push_back(
        {entry->path(), entry->last_write_time(ignored), static_cast<size_t>(entry->file_size(ignored))});
  }
  return files;
}

}  // namespace

std::string default_cache_dir() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  if (xdg && xdg[0] == '/') return std::string(xdg) + "/reel";  // the standard has relative paths ignored
  const char* home = std::getenv("HOME");
  return home && *home ? std::string(home) + "/.cache/reel" : "";
}

DiskCache::DiskCache(std::string folder, size_t budget, const attention::EditRegistry* edits)
    : folder_(std::move(folder)), budget_(budget), edits_(edits) {}

std::string DiskCache::path_of(const std::string& key) const {
  return folder_ + "/" + kFolder + "/" + key.substr(0, 2) + "/" + key + kSuffix;
}

std::shared_ptr<const Outcome> DiskCache::find(const std::string& key, at::Device device, const Warn& warn) {
  const std::string path = path_of(key);
  std::error_code code;
  if (!fs::exists(path, code)) return nullptr;
  try {
    PackedOutcome packed;
    const auto file = models::SafetensorsFile::open(path);
    // Copies: the file may be removed or replaced, and nodes may own what they get.
    for (const auto& [name, info] : file->tensors())
      packed.tensors[name] = models::SafetensorsFile::view(file, name).clone();
    packed.json = file->metadata().at("reel");
    if (file->metadata().at("sha256") != checksum(packed))
      throw std::runtime_error("its checksum does not match");
    auto outcome = std::make_shared<Outcome>(unpack(packed, edits_, device));
    touch(key);
    return outcome;
  } catch (const std::exception& error) {
    // What it says of itself does not matter: it will be computed again.
    if (!fs::exists(path, code)) return nullptr;  // another process made room
    warn("[" + path + "] is damaged and was removed from the cache: " + printable(error.what(), 200));
    remove(key);
    return nullptr;
  }
}

void DiskCache::put(const std::string& key, const Outcome& outcome, const Warn& warn) {
  const auto packed = pack(outcome, edits_);
  if (!packed) return;
  size_t bytes = packed->json.size() + 1024;
  for (const auto& [name, tensor] : packed->tensors) bytes += tensor.nbytes();
  if (bytes > budget_) return;
  const std::string path = path_of(key);
  try {
    models::make_folder(fs::path(path).parent_path().string());
    models::write_safetensors(path, packed->tensors, {{"reel", packed->json}, {"sha256", checksum(*packed)}},
                              /*overwrite=*/true, kPrivate);
    shrink(bytes);
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(warned_, true)) warn("results are not kept on disk: " + printable(error.what(), 300));
  }
}

void DiskCache::remove(const std::string& key) {
  std::error_code code;
  fs::remove(path_of(key), code);
}

void DiskCache::touch(const std::string& key) {
  std::error_code code;
  fs::last_write_time(path_of(key), fs::file_time_type::clock::now(), code);
}

void DiskCache::shrink(size_t added) {
  const std::lock_guard lock(mutex_);
  if (bytes_ && (*bytes_ += added) <= budget_) return;
  std::vector<File> files = list_files(fs::path(folder_) / kFolder);  // other processes write here too
  size_t total = 0;
  for (const File& file : files) total += file.bytes;
  if (total > budget_) {
    std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.used < b.used; });
    const size_t goal = budget_ - budget_ / 10;  // some room, so that this is not done at every turn
    for (const File& file : files) {
      if (total <= goal) break;
      std::error_code code;
      if (fs::remove(file.path, code)) total -= file.bytes;
    }
  }
  bytes_ = total;
}

}  // namespace reel::pipeline
