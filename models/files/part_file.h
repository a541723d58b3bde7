// Output files that appear under their names only when they are complete: written under a hidden name beside
// the target, then renamed.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace reel::models {

/// Checks that a file can be made beside `path`, by making one and removing it.
/// Throws: std::runtime_error "[path] ..." if the folder does not exist or takes no files.
void check_folder(const std::string& path);

/// Makes a folder, and those that it lies in, if they are not there.
/// Throws: std::runtime_error "[folder] ..." with the system's reason and a way out.
void make_folder(const std::string& folder);

/// As check_folder, and throws if the target exists (unless `overwrite`) or is not a regular file. Call it
/// before hours of work.
void check_target(const std::string& path, bool overwrite);

/// An output's name is another file's, which must stay.
class NameTaken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws NameTaken for an output `path` whose file `name` exists.
[[noreturn]] void refuse_existing(const std::string& path, const std::string& name);

/// Looks at the parts in `folder` whose targets' names `belongs` accepts: removes those of dead processes, and
/// returns the names that living ones are writing.
std::set<std::string> tidy_parts(const std::string& folder,
                                 const std::function<bool(const std::string&)>& belongs);

/// A complete file that is about to be named. Its size and time stay what they are.
struct NamedPart {
  std::string part, target;
};
/// Called with all files of an output before the first is named, so that whoever keeps a record of outputs has
/// it even if the process ends a moment later.
using BeforeNaming = std::function<void(const std::vector<NamedPart>& parts)>;

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
  void commit(const BeforeNaming& before = {});

  const std::string& part_path() const { return part_; }

 private:
  std::string path_, target_, part_;  // target_: path_ with a symbolic link resolved
  bool overwrite_;
  int file_ = -1;
};

}  // namespace reel::models
