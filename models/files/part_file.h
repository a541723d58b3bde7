// Output files that appear under their names only when they are complete: written under a hidden name beside
// the target, then renamed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reel::models {

/// Checks that a file can be made beside `path`, by making one and removing it.
/// Throws: std::runtime_error "[path] ..." if the folder does not exist or takes no files.
void check_folder(const std::string& path);

/// As check_folder, and throws if the target exists (unless `overwrite`) or is not a regular file. Call it
/// before hours of work.
void check_target(const std::string& path, bool overwrite);

/// Throws the std::runtime_error for an output `path` whose file `name` exists and must stay.
[[noreturn]] void refuse_existing(const std::string& path, const std::string& name);

/// A file being written as `.<name>.<process>-<n>.part`. commit() gives it its name; the destructor removes
/// it if commit() did not. Left-overs of dead processes for the same target are removed first. A file that is
/// replaced keeps its permissions; a symbolic link is followed.
class PartFile {
 public:
  /// `permissions`: of a new file, before the user's umask. Throws: std::runtime_error as check_target does, or if the
  /// file cannot be made.
  PartFile(const std::string& path, bool overwrite, unsigned permissions = 0666);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  /// Writes at the current position. Throws: std::runtime_error with the system's reason (full disk, ...).
  void write(const void* data, size_t bytes);
  /// Moves the position, as lseek does; returns it. Throws: std::runtime_error.
  int64_t seek(int64_t offset, int whence);
  int64_t size() const;
  /// Makes the content durable and renames. Throws: std::runtime_error; the target is then as it was before.
  void commit();

  const std::string& part_path() const { return part_; }

 private:
  std::string path_, target_, part_;  // target_: path_ with a symbolic link resolved
  bool overwrite_;
  int file_ = -1;
};

/// The same for several files: they are written into a hidden folder named after `path`, and commit() moves
/// them beside it.
class PartFolder {
 public:
  PartFolder(const std::string& path, bool overwrite);
  ~PartFolder();
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;

  /// Writes one whole file. Throws: std::runtime_error with the system's reason.
  void add(const std::string& name, const std::string& content);
  /// Renames all. Throws: std::runtime_error; files that were moved already are removed again.
  void commit();

 private:
  std::string path_, folder_, part_;
  bool overwrite_;
  int lock_ = -1;
  std::vector<std::string> names_;
};

}  // namespace reel::models
