#include "pipeline/batch/path_pattern.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>

namespace reel::pipeline {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder.empty() ? "." : folder, error), end; !error && entry != end;
       entry.increment(error))
    names.push_back(entry->path().filename());
  return names;
}

bool is_folder(const fs::path& path, bool follow_links) {
  std::error_code error;
  return fs::is_directory(follow_links ? fs::status(path, error) : fs::symlink_status(path, error));
}

using Parts = std::vector<std::string>;

/// Adds the files below `folder` that match the parts from `part` on.
void match(const fs::path& folder, Parts::const_iterator part, Parts::const_iterator end,
           std::vector<std::string>& files) {
  const bool last = part + 1 == end;
  if (*part == "**") {
    if (!last) match(folder, part + 1, end, files);
    for (const std::string& name : names_in(folder)) {
      std::error_code error;
      if (name.front() == '.') continue;
      if (is_folder(folder / name, false))
        match(folder / name, part, end, files);
      else if (last && fs::is_regular_file(folder / name, error))
        files.push_back(folder / name);
    }
    return;
  }
  const std::vector<std::string> names = is_pattern(*part) ? names_in(folder) : Parts{*part};
  for (const std::string& name : names) {
    if (is_pattern(*part) && fnmatch(part->c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
    std::error_code error;
    if (!last && is_folder(folder / name, true)) match(folder / name, part + 1, end, files);
    if (last && fs::is_regular_file(folder / name, error)) files.push_back(folder / name);
  }
}

}  // namespace

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

std::vector<std::string> files_matching(const std::string& pattern) {
  const fs::path path(pattern);
  Parts parts;
  for (const fs::path& part : path.relative_path()) {
    if (!part.empty() && !(part == "**" && !parts.empty() && parts.back() == "**")) parts.push_back(part);
  }
  std::vector<std::string> files;
  if (!parts.empty()) match(path.root_path(), parts.begin(), parts.end(), files);
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace reel::pipeline
