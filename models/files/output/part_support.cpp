#include "models/files/output/part_support.h"

#include <c10/util/StringUtil.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "models/files/part_file.h"

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

constexpr char kEnd[] = ".part";

/// Also of a process that has ended and that its parent has not asked about: it keeps its number.
bool has_ended(pid_t process) {
  if (kill(process, 0) != 0 && errno == ESRCH) return true;
  std::ifstream status("/proc/" + std::to_string(process) + "/stat");  // proc(5): pid (name) state ...
  std::string line;
  std::getline(status, line);
  const size_t name_end = line.rfind(") ");
  return name_end != std::string::npos && name_end + 2 < line.size() &&
         (line[name_end + 2] == 'Z' || line[name_end + 2] == 'X');
}

}  // namespace

void fail_output(const std::string& path, const char* doing, int error) {
  throw std::runtime_error(c10::str(
      "[", path, "] ", doing, " failed: ", std::generic_category().message(error), "; ", way_out(error)));
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string part_name(const std::string& name) {
  static std::atomic<unsigned> counter{0};
  return c10::str(".", name, ".", getpid(), "-", counter++, kEnd);
}

std::optional<PartOwner> owner_of_part(const std::string& part) {
  if (!part.starts_with('.') || !part.ends_with(kEnd)) return std::nullopt;
  const std::string body = part.substr(1, part.size() - 1 - (sizeof kEnd - 1));
  const size_t dot = body.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  const char *first = body.data() + dot + 1, *last = body.data() + body.size();
  pid_t process = 0;
  unsigned number = 0;
  const auto dash = std::from_chars(first, last, process);
  if (dash.ec != std::errc() || dash.ptr == last || *dash.ptr != '-' || process <= 0) return std::nullopt;
  const auto rest = std::from_chars(dash.ptr + 1, last, number);
  if (rest.ec != std::errc() || rest.ptr != last) return std::nullopt;
  return PartOwner{body.substr(0, dot), process};
}

// A writer holds a lock on its part until it ends, however it ends. The lock also protects writers on other
// machines of a shared disk; if the disk supports no locks, the process number decides alone. A part without
// a lock is a left-over, but for the moment between its making and its locking: so it must be old, or its
// process dead, or be our own number's (of an earlier life: the first process of a container is always 1).
bool is_abandoned(const std::string& part, pid_t process) {
  const int file = open(part.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return false;
  const bool held = flock(file, LOCK_SH | LOCK_NB) != 0;
  const bool no_locks = held && errno != EWOULDBLOCK;
  struct stat status {};
  constexpr time_t kLongEnough = 60;
  const bool old = fstat(file, &status) == 0 && time(nullptr) - status.st_mtime > kLongEnough;
  close(file);
  const bool dead = has_ended(process);
  return no_locks ? dead : !held && (dead || old || process == getpid());
}

void hold_part(int file) { flock(file, LOCK_EX | LOCK_NB); }  // may fail where the disk knows no locks

PartHolder::PartHolder(int file) : copy_(fcntl(file, F_DUPFD_CLOEXEC, 0)) {}
PartHolder::~PartHolder() {
  if (copy_ >= 0) close(copy_);
}

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

// rename() replaces silently; link() refuses an existing name, even one that appeared a moment ago.
void give_name(const std::string& path, const std::string& part, const std::string& target, bool overwrite) {
  if (!overwrite) {
    if (link(part.c_str(), target.c_str()) == 0) {
      unlink(part.c_str());
      return;
    }
    const std::string name = fs::path(target).filename().string();
    if (errno == EEXIST) refuse_existing(path, name);
    // Disks without hard links (FAT, some network file systems) get the next best check.
    if (fs::exists(fs::symlink_status(target))) refuse_existing(path, name);
  }
  if (rename(part.c_str(), target.c_str()) != 0)
    fail_output(path, "giving the finished file its name", errno);
}

void write_all(const std::string& path, int file, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(file, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_output(path, "writing", written < 0 ? errno : ENOSPC);
    at += written;
    bytes -= static_cast<size_t>(written);
  }
}

void sync_and_close(const std::string& path, int& file) {
  // Some file systems cannot sync (EINVAL, ENOTSUP); that alone loses no data.
  const int sync_error = fsync(file) != 0 && errno != EINVAL && errno != ENOTSUP ? errno : 0;
  const int close_error = close(std::exchange(file, -1)) != 0 && errno != EINTR ? errno : 0;
  if (sync_error != 0) fail_output(path, "writing", sync_error);
  if (close_error != 0) fail_output(path, "writing", close_error);
}

void sync_folder(const std::string& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);  // best effort: the file itself is safe
  close(file);
}

}  // namespace reel::models
