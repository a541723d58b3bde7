// Which files an output writes, to tell whether two outputs write one file, however they spell it.
#pragma once

#include <string>

#include "pipeline/media/output_plan.h"

namespace reel::pipeline {

class TargetNames {
 public:
  /// How an output comes by its name. Two that are both recorded, or both numbered, give way to each other.
  enum class Kind { kFixed, kRecorded, kNumbered };

  /// Exactly this file.
  static TargetNames of_file(const std::string& path, Kind kind = Kind::kFixed);
  /// A video, or every picture that a pattern can give.
  static TargetNames of_output(const std::string& path);
  /// A free one of `<prefix><at least `digits` digits><after>`.
  static TargetNames numbered(const std::string& prefix, int digits, const std::string& after);

  /// Whether both can write one file, neither giving way. Links are followed.
  bool meets(const TargetNames& other) const;
  /// The same for all spellings of a file, or of a pattern.
  std::string key() const;
  /// As the user wrote it.
  const std::string& path() const { return path_; }

 private:
  TargetNames(std::string path, Kind kind) : path_(std::move(path)), kind_(kind) {}
  void place(const std::string& file);
  bool overlaps(const TargetNames& other) const;

  std::string path_, folder_;    // the folder that it leads to
  media::PicturePattern names_;  // no digits: `before` is the name
  Kind kind_;
};

}  // namespace reel::pipeline
