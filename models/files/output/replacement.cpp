// The order of steps, each of which may be the last one:
//   1. the journal says which files get names, by their sizes and times;
//   2. the old files get second names in part/old (hard links; where there are none, they move);
//   3. the new files take the names, one by one, and surplus old files go;
//   4. the journal goes: from here on the new files count;
//   5. part/old goes.
// Undoing looks at each name: a file that the journal knows makes way for its predecessor.
#include "models/files/output/replacement.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <thread>

#include "models/files/input/input_file.h"
#include "models/files/output/part_support.h"

namespace reel::models {
namespace {

namespace fs = std::filesystem;

constexpr char kHead[] = "reel replacement 1";
constexpr uint64_t kMostJournalBytes = uint64_t{64} << 20;  // a million names

std::string join(const std::string& folder, const std::string& name) {
  return folder == "." ? name : (fs::path(folder) / name).string();  // as the user names it
}
std::string journal_of(const std::string& part) { return join(part, "journal"); }
std::string old_of(const std::string& part) { return join(part, "old"); }

/// Tells a file from others of its name. Taking another name changes none of it. "" if there is none.
std::string mark_of(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return "";
  return std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + " " +
         std::to_string(status.st_mtim.tv_nsec);
}

bool exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

void write_journal(const std::string& path, const std::string& part, const std::vector<std::string>& names) {
  std::string text = std::string(kHead) + '\0';  // names may hold anything but zero bytes and slashes
  for (const std::string& name : names) text += mark_of(join(part, name)) + '\0' + name + '\0';
  const std::string draft = join(part, "journal.new");
  int file = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) fail_output(path, "making a temporary file beside it", errno);
  try {
    write_all(path, file, text.data(), text.size());
  } catch (...) {
    close(file);
    throw;
  }
  sync_and_close(path, file);
  if (rename(draft.c_str(), journal_of(part).c_str()) != 0)
    fail_output(path, "making a temporary file beside it", errno);
  sync_folder(part);
}

/// Marks by name. Empty if it is none of ours: what a stranger put there moves no file.
std::map<std::string, std::string> read_journal(const std::string& part, const Belongs& belongs) {
  struct stat status {};
  if (lstat(part.c_str(), &status) != 0 || status.st_uid != geteuid()) return {};
  const std::string text = read_input({.path = journal_of(part), .most_bytes = kMostJournalBytes});
  std::vector<std::string> fields;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\0', begin), text.size());
    fields.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  std::map<std::string, std::string> marks;
  if (fields.empty() || fields[0] != kHead) return marks;
  for (size_t i = 1; i + 1 < fields.size(); i += 2) {
    const std::string& name = fields[i + 1];
    if (fs::path(name).filename() == name && name != "." && name != ".." && belongs(name))
      marks[name] = fields[i];
  }
  return marks;
}

/// A second name for the file, in part/old.
void keep(const std::string& path, const std::string& part, const std::string& folder,
          const std::string& name) {
  const std::string target = join(folder, name), kept = join(old_of(part), name);
  if (link(target.c_str(), kept.c_str()) == 0) return;
  if (errno == ENOENT) return;  // it went a moment ago
  if (rename(target.c_str(), kept.c_str()) != 0)
    fail_output(path, "keeping the file that it replaces", errno);
}

/// Brings one name back to what it was. False if the system refuses.
bool bring_back(const std::string& part, const std::string& folder, const std::string& name,
                const std::string& mark) {
  const std::string target = join(folder, name), kept = join(old_of(part), name);
  const std::string now = mark_of(target);
  const bool ours = !mark.empty() && now == mark;
  if (exists(kept)) {
    // Somebody else's file of that name stays, as if it had replaced the old one.
    return !(ours || now.empty()) || rename(kept.c_str(), target.c_str()) == 0;
  }
  return !ours || unlink(target.c_str()) == 0;
}

}  // namespace

FolderLock::FolderLock(const std::string& path, const std::string& folder)
    : file_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (file_ < 0) return;
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    if (std::chrono::steady_clock::now() > end) {
      close(file_);
      throw std::runtime_error(
          "[" + path + "] needs its folder for a moment, but another process has been naming files in '" +
          folder + "' for more than a minute; wait for its end, or choose another folder");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

FolderLock::~FolderLock() {
  if (file_ >= 0) close(file_);
}

void replace_files(const std::string& path, const std::string& part, const std::string& folder,
                   const std::vector<std::string>& names, const std::set<std::string>& surplus,
                   bool overwrite) {
  for (const std::string& name : names) check_name(join(folder, name), overwrite);  // all before the first
  write_journal(path, part, names);
  try {
    if (mkdir(old_of(part).c_str(), 0700) != 0)
      fail_output(path, "making a temporary folder beside it", errno);
    for (const std::string& name : names) {
      if (exists(join(folder, name))) keep(path, part, folder, name);
    }
    for (const std::string& name : surplus) keep(path, part, folder, name);
    for (const std::string& name : names) give_name(path, join(part, name), join(folder, name), overwrite);
    for (const std::string& name : surplus) {
      if (unlink(join(folder, name).c_str()) != 0 && errno != ENOENT)
        fail_output(path, "removing a file of the sequence that it replaces", errno);
    }
    sync_folder(folder);
    if (unlink(journal_of(part).c_str()) != 0)
      fail_output(path, "removing a temporary file beside it", errno);
  } catch (...) {
    undo_replacement(part, folder, [](const std::string&) { return true; });
    throw;
  }
  sync_folder(part);
}

bool undo_replacement(const std::string& part, const std::string& folder, const Belongs& belongs) {
  if (!exists(journal_of(part))) return true;
  std::map<std::string, std::string> marks;
  try {
    marks = read_journal(part, belongs);
  } catch (const std::runtime_error&) {
    return false;
  }
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(old_of(part), code)) {
    const std::string name = entry.path().filename().string();
    if (belongs(name)) marks.try_emplace(name);  // surplus: nothing has taken its name
  }
  bool whole = true;
  for (const auto& [name, mark] : marks) whole &= bring_back(part, folder, name, mark);
  sync_folder(folder);
  return whole && unlink(journal_of(part).c_str()) == 0;
}

}  // namespace reel::models
