#include "models/files/part_file.h"

#include <c10/util/StringUtil.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "models/files/output/part_support.h"

namespace reel::models {
namespace {

namespace fs = std::filesystem;

std::string resolve_link(const std::string& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path resolved = fs::canonical(path, error);
  return error ? path : resolved.string();
}

}  // namespace

void refuse_existing(const std::string& path, const std::string& name) {
  throw NameTaken(c10::str("[", path, "] must be a new name, got one that exists already (", name,
                           "); choose another name, or allow overwriting (-y)"));
}

void check_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw std::runtime_error(
        c10::str("[", path, "] needs a folder, got '", folder, "', which is a file; choose another path"));
  }
  if (!fs::exists(status)) {
    throw std::runtime_error(c10::str("[", path, "] needs a folder that exists, got '", folder,
                                      "', which does not; make it first (mkdir -p) or choose another path"));
  }
  // Permissions alone do not tell: the superuser has all of them, and still some folders take no files.
  const std::string part = (fs::path(folder) / part_name(fs::path(path).filename().string())).string();
  const int file = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) fail_output(path, "writing to its folder", errno);
  close(file);
  unlink(part.c_str());
}

void make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder, error) && !error)
    error = std::make_error_code(std::errc::not_a_directory);
  if (error) fail_output(folder, "making the folder", error.value());
}

void check_target(const std::string& path, bool overwrite) {
  check_folder(path);
  check_name(path, overwrite);
}

std::set<std::string> tidy_parts(const std::string& folder,
                                 const std::function<bool(const std::string&)>& belongs) {
  std::set<std::string> written;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const auto owner = owner_of_part(entry.path().filename().string());
    if (!owner || !belongs(owner->target) || !fs::is_regular_file(entry.symlink_status(ignored))) continue;
    if (!is_abandoned(entry.path().string(), owner->process)) {
      written.insert(owner->target);
    } else {
      fs::remove(entry.path(), ignored);
    }
  }
  return written;
}

PartFile::PartFile(const std::string& path, bool overwrite, unsigned permissions)
    : path_(path), overwrite_(overwrite) {
  check_target(path, overwrite);
  target_ = resolve_link(path);
  const std::string folder = folder_of(target_), name = fs::path(target_).filename().string();
  tidy_parts(folder, [&](const std::string& target) { return target == name; });
  part_ = (fs::path(folder) / part_name(name)).string();
  file_ = open(part_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, permissions);
  if (file_ < 0) fail_output(path_, "making a temporary file beside it", errno);
  hold_part(file_);
  // Keeps the permissions of the file that it replaces; if that fails, the usual ones will do.
  struct stat status {};
  if (stat(target_.c_str(), &status) == 0 && fchmod(file_, status.st_mode & 07777) != 0) errno = 0;
}

PartFile::~PartFile() {
  if (file_ >= 0) close(file_);
  if (!part_.empty()) unlink(part_.c_str());
}

void PartFile::write(const void* data, size_t bytes) { write_all(path_, file_, data, bytes); }

int64_t PartFile::seek(int64_t offset, int whence) {
  const off_t position = lseek(file_, offset, whence);
  if (position < 0) fail_output(path_, "writing", errno);
  return position;
}

int64_t PartFile::size() const {
  struct stat status {};
  return fstat(file_, &status) == 0 ? status.st_size : -1;
}

void PartFile::commit(const BeforeNaming& before) {
  // Closing tells whether all was written; the second descriptor keeps the part ours until it has its name.
  const PartHolder holder(file_);
  sync_and_close(path_, file_);
  if (before) before({{part_, target_}});
  give_name(path_, part_, target_, overwrite_);
  part_.clear();
  sync_folder(folder_of(target_));
}

}  // namespace reel::models
