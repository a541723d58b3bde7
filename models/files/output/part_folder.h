// Several output files that appear under their names together, when all are complete.
#pragma once

#include <string>
#include <vector>

#include "models/files/output/replacement.h"
#include "models/files/part_file.h"

namespace reel::models {

/// Files are written into a hidden folder named after `path`, the pattern of their names, and commit() moves
/// them beside it.
class PartFolder {
 public:
  /// `belongs`: which names are the sequence's. `ours`: which of its files, by path, an earlier writer made;
  /// those that are not replaced by a file of their name go, too. Left-overs of dead processes are undone first.
  /// Throws: std::runtime_error if the folder cannot be made.
  PartFolder(const std::string& path, bool overwrite, Belongs belongs, Belongs ours);
  ~PartFolder();
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;

  /// Writes one whole file. Throws: std::runtime_error with the system's reason.
  void add(const std::string& name, const std::string& content);
  /// Gives all their names, in the place of an earlier sequence (a longer one of ours leaves no rest behind,
  /// files that somebody else numbered alike stay). Of two writers the second waits; without `overwrite` it is then refused.
  /// Throws: std::runtime_error; all files are then as they were before.
  void commit(const BeforeNaming& before = {});

 private:
  std::string path_, folder_, part_;
  bool overwrite_;
  Belongs belongs_, ours_;
  int lock_ = -1;
  std::vector<std::string> names_;
};

/// Undoes what a dead process left half-named of the sequence `path`, and removes its parts.
void undo_left_overs(const std::string& path, const Belongs& belongs);

}  // namespace reel::models
