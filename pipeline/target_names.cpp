#include "pipeline/target_names.h"

#include <filesystem>

#include "models/files/output/confined_path.h"

namespace reel::pipeline {
namespace fs = std::filesystem;
namespace {

/// Whether `text` is `start` with nothing but digits behind it.
bool differs_by_digits(const std::string& start, const std::string& text) {
  return text.starts_with(start) && text.find_first_not_of("0123456789", start.size()) == std::string::npos;
}

std::string reversed(const std::string& text) { return {text.rbegin(), text.rend()}; }

/// Whether one of two texts around a number is the other with digits of that number.
bool agree(const std::string& a, const std::string& b) {
  return differs_by_digits(a, b) || differs_by_digits(b, a);
}

}  // namespace

void TargetNames::place(const std::string& file) {
  const fs::path path(models::destination_of(file));
  folder_ = path.parent_path().string(), names_.before = path.filename().string();
}

TargetNames TargetNames::of_file(const std::string& path, Kind kind) {
  TargetNames target(path, kind);
  target.place(path);
  return target;
}

TargetNames TargetNames::of_output(const std::string& path) {
  std::optional<media::PicturePattern> pattern;
  try {
    pattern = media::pattern_of(path);
  } catch (const std::invalid_argument&) {  // refused by whoever writes it
  }
  if (!pattern) return of_file(path);
  TargetNames target(path, Kind::kFixed);
  target.place((fs::path(path).parent_path() / "any").string());
  target.names_ = *pattern;
  return target;
}

TargetNames TargetNames::numbered(const std::string& prefix, int digits, const std::string& after) {
  TargetNames target(prefix + std::string(static_cast<size_t>(digits), '#') + after, Kind::kNumbered);
  target.place((fs::path(prefix).parent_path() / "any").string());
  target.names_ = {fs::path(prefix).filename().string(), after, digits};
  return target;
}

bool TargetNames::overlaps(const TargetNames& other) const {
  const media::PicturePattern &a = names_, &b = other.names_;
  if (a.digits == 0) return b.digits == 0 ? a.before == b.before : b.matches(a.before);
  if (b.digits == 0) return a.matches(b.before);
  return agree(a.before, b.before) && agree(reversed(a.after), reversed(b.after));
}

std::string TargetNames::key() const {
  return folder_ + "/" + names_.before +
         (names_.digits == 0 ? "" : "%0" + std::to_string(names_.digits) + "d" + names_.after);
}

bool TargetNames::meets(const TargetNames& other) const {
  const bool give_way = kind_ != Kind::kFixed && kind_ == other.kind_;
  return !give_way && folder_ == other.folder_ && overlaps(other);
}

}  // namespace reel::pipeline
