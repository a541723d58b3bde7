#include "models/files/output/confined_path.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "models/files/strict_json.h"

namespace reel::models {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostShown = 4096;  // of a path in a message

/// Where a path leads, links followed. weakly_canonical() takes a link to nothing for a plain name, but a file that
/// is made there appears where the link leads.
fs::path destination(fs::path path) {
  constexpr int kMostLinks = 40;  // as the system follows
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(path, error)); ++links) {
    if (links == kMostLinks)
      throw std::invalid_argument("[" + shown(path.string(), kMostShown) +
                                  "] is a link that leads to itself; name a file");
    const fs::path to = fs::read_symlink(path, error);
    path = to.is_absolute() ? to : path.parent_path() / to;
  }
  const fs::path folder =
      fs::weakly_canonical(fs::absolute(path.parent_path().empty() ? "." : path.parent_path()));
  fs::path resolved = (folder / path.filename()).lexically_normal();
  return resolved.has_filename() ? resolved : resolved.parent_path();  // `a/` and `a/.` are the folder `a`
}

bool is_below(const fs::path& path, const fs::path& folder) {
  const auto [of_folder, of_path] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return of_folder == folder.end() && of_path != path.end();
}

}  // namespace

std::string destination_of(const std::string& path) {
  try {
    return destination(path).string();
  } catch (const std::exception&) {  // a loop of links, a name that is too long: whoever writes there says so
    return fs::path(path).lexically_normal().string();
  }
}

bool has_hidden_characters(std::string_view text) { return std::ranges::any_of(from_utf8(text), is_hidden); }

std::string confined_path(const std::string& folder, const std::string& given, const std::string& way_out) {
  if (given.empty()) throw std::invalid_argument("[path] a file must be named, got an empty text");
  if (has_hidden_characters(given)) {
    throw std::invalid_argument("[path] a path holds no control characters and none that do not show, got '" +
                                shown(given, kMostShown) + "'; choose a plain name");
  }
  const fs::path wanted =
      folder.empty() ? fs::path(given) : fs::path(folder) / given;  // absolute: `given` alone
  const fs::path root = fs::weakly_canonical(fs::absolute(folder.empty() ? "." : folder));
  if (!is_below(destination(wanted), root.has_filename() ? root : root.parent_path())) {
    throw std::invalid_argument("[path] files are written only below '" + root.string() + "', got '" + given +
                                "', which leads elsewhere; " + way_out);
  }
  return wanted.string();
}

}  // namespace reel::models
