// What parts, files under a hidden name until they are complete, have in common. Internal to models/files.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace reel::models {

/// Throws the std::runtime_error for the output `path`: what failed, the system's reason, and a way out.
[[noreturn]] void fail_output(const std::string& path, const char* doing, int error);

/// The folder of a path; "." if it names none.
std::string folder_of(const std::string& path);

/// `.<name>.<process>-<n>.part`: the process tells whether the part is a left-over, n separates two writers of
/// one process.
std::string part_name(const std::string& name);

struct PartOwner {
  std::string target;  // the name that the part was to get
  pid_t process;
};

/// Nullopt if the name is not one that part_name() gives.
std::optional<PartOwner> owner_of_part(const std::string& part);

/// Whether the process that wrote this part has ended, however it ended.
bool is_abandoned(const std::string& part, pid_t process);

/// Makes the descriptor the holder of the part that it is open on, until it and its copies are closed.
void hold_part(int file);

/// A copy of a part's descriptor, which holds the part when the first one is closed.
class PartHolder {
 public:
  explicit PartHolder(int file);
  ~PartHolder();
  PartHolder(const PartHolder&) = delete;
  PartHolder& operator=(const PartHolder&) = delete;

 private:
  int copy_;
};

/// Throws unless a finished file may take this name: no folder, device or broken link, and nothing at all
/// without `overwrite`.
void check_name(const std::string& path, bool overwrite);

/// Gives the finished `part` its name; without `overwrite`, never in the place of another file, not even of
/// one that appeared a moment ago. `path` is what messages name.
void give_name(const std::string& path, const std::string& part, const std::string& target, bool overwrite);

void write_all(const std::string& path, int file, const void* data, size_t bytes);
void sync_and_close(const std::string& path, int& file);
void sync_folder(const std::string& folder);

}  // namespace reel::models
