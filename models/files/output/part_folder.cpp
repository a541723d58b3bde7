#include "models/files/output/part_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "models/files/output/part_support.h"

namespace reel::models {
namespace {

namespace fs = std::filesystem;

/// Left-overs of dead processes; a folder whose journal cannot be followed stays, with the old files in it.
void undo_abandoned(const std::string& folder, const std::string& name, const Belongs& belongs) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const auto owner = owner_of_part(entry.path().filename().string());
    if (!owner || owner->target != name || !is_abandoned(entry.path().string(), owner->process)) continue;
    if (undo_replacement(entry.path().string(), folder, belongs)) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

void undo_left_overs(const std::string& path, const Belongs& belongs) {
  const std::string folder = folder_of(path);
  const FolderLock lock(path, folder);
  undo_abandoned(folder, fs::path(path).filename().string(), belongs);
}

PartFolder::PartFolder(const std::string& path, bool overwrite, Belongs belongs, Belongs ours)
    : path_(path),
      folder_(folder_of(path)),
      overwrite_(overwrite),
      belongs_(std::move(belongs)),
      ours_(std::move(ours)) {
  check_folder(path);
  undo_left_overs(path, belongs_);
  part_ = (fs::path(folder_) / part_name(fs::path(path).filename().string())).string();
  if (mkdir(part_.c_str(), 0777) != 0) fail_output(path_, "making a temporary folder beside it", errno);
  lock_ = open(part_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0) hold_part(lock_);
}

PartFolder::~PartFolder() {
  std::error_code ignored;
  // With a journal, the old files are still in it: the next run brings them back.
  if (!part_.empty() && !fs::exists(fs::path(part_) / "journal", ignored)) fs::remove_all(part_, ignored);
  if (lock_ >= 0) close(lock_);
}

void PartFolder::add(const std::string& name, const std::string& content) {
  const std::string part = (fs::path(part_) / name).string();
  int file = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) fail_output(path_, "making a temporary file beside it", errno);
  try {
    write_all(path_, file, content.data(), content.size());
  } catch (...) {
    close(file);
    throw;
  }
  sync_and_close(path_, file);
  names_.push_back(name);
}

void PartFolder::commit(const BeforeNaming& before) {
  const FolderLock lock(path_, folder_);
  const std::set<std::string> replaced(names_.begin(), names_.end());
  std::set<std::string> surplus;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!belongs_(name)) continue;
    if (!overwrite_) refuse_existing(path_, name);
    if (!replaced.count(name) && fs::is_regular_file(entry.symlink_status(ignored)) &&
        ours_(entry.path().string()))
      surplus.insert(name);
  }
  if (before) {
    std::vector<NamedPart> parts;
    for (const std::string& name : names_)
      parts.push_back({(fs::path(part_) / name).string(), (fs::path(folder_) / name).string()});
    before(parts);
  }
  replace_files(path_, part_, folder_, names_, surplus, overwrite_);
  std::error_code code;
  fs::remove_all(std::exchange(part_, ""), code);
  sync_folder(folder_);
}

}  // namespace reel::models
