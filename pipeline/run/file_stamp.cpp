#include "pipeline/run/file_stamp.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "models/hash.h"

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

std::string stamp_of_list(std::vector<fs::path> paths) {
  std::sort(paths.begin(), paths.end());
  if (paths.size() > kMaxFiles) paths.resize(kMaxFiles);
  models::Hash hash;
  for (const fs::path& path : paths) hash.field(path.string()).field(stamp_of_file(path));
  return std::to_string(paths.size()) + " files " + hash.hex();
}

std::string stamp_of_folder(const fs::path& folder) {
  std::error_code code;
  std::vector<fs::path> paths;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, code), end;
  for (; !code && entry != end && paths.size() < 10 * kMaxFiles; entry.increment(code)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) paths.push_back(entry->path());
  }
  return "folder of " + stamp_of_list(std::move(paths));
}

/// The files beside `path` whose names differ from it only in digits at its %d or %05d.
std::string stamp_of_pattern(const fs::path& path) {
  const std::string name = path.filename().string();
  const size_t begin = name.find('%');
  const size_t end = begin == std::string::npos ? begin : name.find('d', begin);
  if (end == std::string::npos) return "";
  const std::string head = name.substr(0, begin), tail = name.substr(end + 1);
  std::error_code code;
  std::vector<fs::path> paths;
  fs::directory_iterator entry(path.has_parent_path() ? path.parent_path() : fs::path("."), code), last;
  for (; !code && entry != last; entry.increment(code)) {
    const std::string found = entry->path().filename().string();
    if (found.size() <= head.size() + tail.size() || !found.starts_with(head) || !found.ends_with(tail))
      continue;
    const std::string digits = found.substr(head.size(), found.size() - head.size() - tail.size());
    if (digits.find_first_not_of("0123456789") == std::string::npos) paths.push_back(entry->path());
  }
  return paths.empty() ? "" : stamp_of_list(std::move(paths));
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

}  // namespace reel::pipeline
