// Every file that is read is opened here: a regular one, without waiting, and of a bounded size.
#pragma once

#include <cstdint>
#include <string>

namespace reel::models {

/// A file that a user or another file named.
struct InputFile {
  std::string path;
  std::string option = {};  // that named it, for messages; empty: the path alone tells
  /// The most bytes that a file of this kind has. Mapped files and videos need no bound: they are not held.
  uint64_t most_bytes = uint64_t{1} << 62;
};

/// Throws: std::runtime_error "[path] ..." (or "[option] 'path' ...") unless it is a regular file within its
/// bound. A folder, a pipe or a device has no end that could be relied on, and opening one may wait for ever.
void check_input(const InputFile& file);

/// The descriptor of such a file, for reading; the caller closes it. Throws as check_input, and if the file
/// may not be read.
int open_input(const InputFile& file);

/// The whole content. Throws as open_input; also if it grows beyond the bound while it is read.
std::string read_input(const InputFile& file);

/// Whether there is such a file, for files that may be absent. Throws: std::runtime_error "[path] ..." if
/// something else has its name, so that a pipe or a folder there is not taken for "absent".
bool has_input(const std::string& path);

/// "must be a regular file, got a pipe; copy ..." for messages about `file` with further words.
[[noreturn]] void refuse_input(const InputFile& file, const std::string& fault);

}  // namespace reel::models
