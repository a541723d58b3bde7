// Several files take their names together: all of them, or, whatever happens, none.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace reel::models {

/// Which names beside an output belong to it: all that its pattern can give.
using Belongs = std::function<bool(const std::string& name)>;

/// Alone in naming files in `folder` while it lives. A second process waits: naming takes milliseconds.
class FolderLock {
 public:
  /// Throws: std::runtime_error "[path] ..." if another process holds it for a minute. A disk that knows no
  /// locks gives none, silently.
  FolderLock(const std::string& path, const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_ = -1;
};

/// Moves the files `names` of the folder `part` into `folder`, where those of that name and the files
/// `surplus` give way. These are kept in `part` until all are in place; a journal there lets
/// undo_replacement() bring them back if the process ends on the way. The caller holds the folder's lock.
/// Throws: std::runtime_error "[path] ..."; everything is then as it was before. If even that fails, `part`
/// still has the journal, and the next run tries again.
void replace_files(const std::string& path, const std::string& part, const std::string& folder,
                   const std::vector<std::string>& names, const std::set<std::string>& surplus,
                   bool overwrite);

/// Brings back what a replacement that did not end had moved, and removes what it had named, unless somebody
/// has changed it since. True if nothing is left to be done.
bool undo_replacement(const std::string& part, const std::string& folder, const Belongs& belongs);

}  // namespace reel::models
