#include "pipeline/run/file_stamp.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "models/hashing/hash.h"

namespace reel::pipeline {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxFiles = 10'000;

/// `size@time`, or "" if it is no regular file.
std::string stamp_of_file(const fs::path& path) {
  std::error_code code;
  if (!fs::is_regular_file(path, code)) return "";
  const auto size = fs::file_size(path, code);
  if (code) return "";
  const auto time = fs::last_write_time(path, code).time_since_epoch().count();
  return code ? "" : std::to_string(size) + "@" + std::to_string(time);
}

struct Listed {
  fs::path name, file;  // what it counts as; where it is
};

std::string stamp_of_list(std::vector<Listed> files) {
  std::sort(files.begin(), files.end(), [](const Listed& a, const Listed& b) { return a.name < b.name; });
  if (files.size() > kMaxFiles) files.resize(kMaxFiles);
  models::Hash hash;
  for (const Listed& one : files) hash.field(one.name.string()).field(stamp_of_file(one.file));
  return std::to_string(files.size()) + " files " + hash.hex();
}

std::string stamp_of_folder(const fs::path& folder) {
  std::error_code code;
  std::vector<Listed> files;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, code), end;
  for (; !code && entry != end && files.size() < 10 * kMaxFiles; entry.increment(code)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) files.push_back({entry->path(), entry->path()});
  }
  return "folder of " + stamp_of_list(std::move(files));
}

/// The files beside `path` whose names differ from it only in digits at its %d or %05d; by their names alone,
/// since one folder has many paths.
std::string stamp_of_pattern(const fs::path& path) {
  const std::string name = path.filename().string();
  const size_t begin = name.find('%');
  const size_t end = begin == std::string::npos ? begin : name.find('d', begin);
  if (end == std::string::npos) return "";
  const std::string head = name.substr(0, begin), tail = name.substr(end + 1);
  std::error_code code;
  std::vector<Listed> files;
  fs::directory_iterator entry(path.has_parent_path() ? path.parent_path() : fs::path("."), code), last;
  for (; !code && entry != last; entry.increment(code)) {
    const std::string found = entry->path().filename().string();
    if (found.size() <= head.size() + tail.size() || !found.starts_with(head) || !found.ends_with(tail))
      continue;
    const std::string digits = found.substr(head.size(), found.size() - head.size() - tail.size());
    if (digits.find_first_not_of("0123456789") == std::string::npos) files.push_back({found, entry->path()});
  }
  return files.empty() ? "" : stamp_of_list(std::move(files));
}

}  // namespace

std::string file_stamp(const std::string& path) {
  std::error_code code;
  if (fs::is_directory(path, code)) return stamp_of_folder(path);
  std::string stamp = stamp_of_file(path);
  // What peft's adapters mean is said in a file of its own.
  if (const fs::path name(path); !stamp.empty() && name.filename().string().starts_with("adapter_model.")) {
    const std::string config = stamp_of_file(name.parent_path() / "adapter_config.json");
    if (!config.empty()) stamp += "+" + config;
  }
  return stamp.empty() ? stamp_of_pattern(path) : stamp;
}

std::string stamp_of_parts(const std::string& path, const std::vector<models::NamedPart>& parts) {
  const bool one = parts.size() == 1 && path.find('%') == std::string::npos;
  if (one) return stamp_of_file(parts[0].part);
  std::vector<Listed> files;
  for (const models::NamedPart& part : parts) files.push_back({fs::path(part.target).filename(), part.part});
  return stamp_of_list(std::move(files));
}

}  // namespace reel::pipeline
