#include "models/files/part_file.h"

#include <c10/util/StringUtil.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace reel::models {
namespace {

namespace fs = std::filesystem;

const char* way_out(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free some space or choose another folder";
    case EFBIG:
      return "raise the limit of the file size (ulimit -f) or choose another folder";
    case ENOENT:
      return "choose another folder, this one takes no files";
    case EACCES:
    case EPERM:
    case EROFS:
      return "choose a folder that you may write to";
    case ENAMETOOLONG:
      return "choose a shorter name";
    case EMFILE:
    case ENFILE:
      return "close other files or raise the limit (ulimit -n)";
    default:
      return "check the disk or choose another folder";
  }
}

[[noreturn]] void fail(const std::string& path, const char* doing, int error) {
  throw std::runtime_error(c10::str(
      "[", path, "] ", doing, " failed: ", std::generic_category().message(error), "; ", way_out(error)));
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// `.<name>.<process>-<n>.part`: the process tells whether the file is a left-over, n separates two writers of
// one process.
std::string part_name(const std::string& name) {
  static std::atomic<unsigned> counter{0};
  return c10::str(".", name, ".", getpid(), "-", counter++, ".part");
}

// The process in the name of a part; 0 if it is not a part of the target `name`.
pid_t process_of(const std::string& part, const std::string& name) {
  const std::string start = "." + name + ".", end = ".part";
  if (part.size() <= start.size() + end.size() || part.compare(0, start.size(), start) != 0 ||
      part.compare(part.size() - end.size(), end.size(), end) != 0) {
    return 0;
  }
  const char* first = part.data() + start.size();
  const char* last = part.data() + part.size() - end.size();
  pid_t process = 0;
  unsigned number = 0;
  const auto dash = std::from_chars(first, last, process);
  if (dash.ec != std::errc() || dash.ptr == last || *dash.ptr != '-' || process <= 0) return 0;
  const auto rest = std::from_chars(dash.ptr + 1, last, number);
  return rest.ec == std::errc() && rest.ptr == last ? process : 0;
}

// A writer holds a lock on its part until it ends, however it ends. The lock also protects writers on other
// machines of a shared disk; if the disk supports no locks, the process number decides alone. A part with our
// own process number and no lock is a left-over of an earlier life (the first process of a container is
// always number 1).
bool abandoned(const std::string& part, pid_t process) {
  const int file = open(part.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return false;
  const bool held = flock(file, LOCK_SH | LOCK_NB) != 0;
  const bool no_locks = held && errno != EWOULDBLOCK;
  close(file);
  const bool dead = kill(process, 0) != 0 && errno == ESRCH;
  return no_locks ? dead : !held && (dead || process == getpid());
}

void remove_abandoned(const std::string& folder, const std::string& name) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const pid_t process = process_of(entry.path().filename().string(), name);
    if (process > 0 && abandoned(entry.path().string(), process)) fs::remove_all(entry.path(), ignored);
  }
}

// rename() replaces silently; link() refuses an existing name, even one that appeared a moment ago.
void give_name(const std::string& path, const std::string& part, const std::string& target, bool overwrite) {
  if (!overwrite) {
    if (link(part.c_str(), target.c_str()) == 0) {
      unlink(part.c_str());
      return;
    }
    if (errno == EEXIST) refuse_existing(path, target);
    // Disks without hard links (FAT, some network file systems) get the next best check.
    if (fs::exists(fs::symlink_status(target))) refuse_existing(path, target);
  }
  if (rename(part.c_str(), target.c_str()) != 0) fail(path, "giving the finished file its name", errno);
}

void write_all(const std::string& path, int file, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(file, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(path, "writing", written < 0 ? errno : ENOSPC);
    at += written;
    bytes -= static_cast<size_t>(written);
  }
}

void sync_and_close(const std::string& path, int& file) {
  // Some file systems cannot sync (EINVAL, ENOTSUP); that alone loses no data.
  const int sync_error = fsync(file) != 0 && errno != EINVAL && errno != ENOTSUP ? errno : 0;
  const int close_error = close(std::exchange(file, -1)) != 0 && errno != EINTR ? errno : 0;
  if (sync_error != 0) fail(path, "writing", sync_error);
  if (close_error != 0) fail(path, "writing", close_error);
}

void sync_folder(const std::string& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);  // best effort: the file itself is safe
  close(file);
}

// Whether a finished file may take this name.
void check_name(const std::string& path, bool overwrite) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) {
    throw std::runtime_error("[" + path + "] must be a file, got a folder of that name; choose another name");
  }
  if (!fs::is_regular_file(status)) {  // /dev/null, a pipe, a broken link: nothing to be renamed over
    throw std::runtime_error("[" + path +
                             "] must be a regular file, got something else; choose another name");
  }
  if (!overwrite) refuse_existing(path, fs::path(path).filename().string());
}

std::string resolve_link(const std::string& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path resolved = fs::canonical(path, error);
  return error ? path : resolved.string();
}

}  // namespace

void refuse_existing(const std::string& path, const std::string& name) {
  throw std::runtime_error(c10::str("[", path, "] must be a new name, got one that exists already (", name,
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
  if (file < 0) fail(path, "writing to its folder", errno);
  close(file);
  unlink(part.c_str());
}

void check_target(const std::string& path, bool overwrite) {
  check_folder(path);
  check_name(path, overwrite);
}

PartFile::PartFile(const std::string& path, bool overwrite, unsigned permissions)
    : path_(path), overwrite_(overwrite) {
  check_target(path, overwrite);
  target_ = resolve_link(path);
  const std::string folder = folder_of(target_), name = fs::path(target_).filename().string();
  remove_abandoned(folder, name);
  part_ = (fs::path(folder) / part_name(name)).string();
  file_ = open(part_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, permissions);
  if (file_ < 0) fail(path_, "making a temporary file beside it", errno);
  flock(file_, LOCK_EX | LOCK_NB);  // see abandoned(); it may fail where the disk knows no locks
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
  if (position < 0) fail(path_, "writing", errno);
  return position;
}

int64_t PartFile::size() const {
  struct stat status {};
  return fstat(file_, &status) == 0 ? status.st_size : -1;
}

void PartFile::commit() {
  sync_and_close(path_, file_);
  give_name(path_, part_, target_, overwrite_);
  part_.clear();
  sync_folder(folder_of(target_));
}

PartFolder::PartFolder(const std::string& path, bool overwrite)
    : path_(path), folder_(folder_of(path)), overwrite_(overwrite) {
  check_folder(path);
  const std::string name = fs::path(path).filename().string();
  remove_abandoned(folder_, name);
  part_ = (fs::path(folder_) / part_name(name)).string();
  if (mkdir(part_.c_str(), 0777) != 0) fail(path_, "making a temporary folder beside it", errno);
  lock_ = open(part_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0) flock(lock_, LOCK_EX | LOCK_NB);
}

PartFolder::~PartFolder() {
  if (lock_ >= 0) close(lock_);
  std::error_code ignored;
  if (!part_.empty()) fs::remove_all(part_, ignored);
}

void PartFolder::add(const std::string& name, const std::string& content) {
  const std::string part = (fs::path(part_) / name).string();
  int file = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) fail(path_, "making a temporary file beside it", errno);
  try {
    write_all(path_, file, content.data(), content.size());
  } catch (...) {
    close(file);
    throw;
  }
  sync_and_close(path_, file);
  names_.push_back(name);
}

void PartFolder::commit() {
  std::vector<std::string> moved;
  try {
    for (const std::string& name : names_) {
      const std::string target = (fs::path(folder_) / name).string();
      check_name(target, overwrite_);
      give_name(path_, (fs::path(part_) / name).string(), target, overwrite_);
      moved.push_back(target);
    }
  } catch (...) {
    std::error_code ignored;
    for (const std::string& target : moved) fs::remove(target, ignored);
    throw;
  }
  rmdir(part_.c_str());
  part_.clear();
  sync_folder(folder_);
}

}  // namespace reel::models
