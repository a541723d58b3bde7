#include "models/files/input/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "models/files/input/input_stream.h"

namespace reel::models {
namespace {

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder; name a file in it";
  if (S_ISFIFO(mode)) return "a pipe; write its content to a file first";
  if (S_ISSOCK(mode)) return "a socket; write its content to a file first";
  return "a device; write its content to a file first";
}

void check_status(const InputFile& file, const struct stat& status) {
  if (!S_ISREG(status.st_mode))
    refuse_input(file, std::string("must be a regular file, got ") + kind_of(status.st_mode));
  if (static_cast<uint64_t>(status.st_size) > file.most_bytes) refuse_size(file, "has");
}

}  // namespace

void refuse_input(const InputFile& file, const std::string& fault) {
  const std::string subject =
      file.option.empty() ? "[" + file.path + "] " : "[" + file.option + "] '" + file.path + "' ";
  throw std::runtime_error(subject + fault);
}

void check_input(const InputFile& file) {
  struct stat status {};
  if (stat(file.path.c_str(), &status) == 0) return check_status(file, status);
  if (errno == ENOENT || errno == ENOTDIR) refuse_input(file, "does not exist; check its name");
  refuse_input(file, "cannot be opened: " + std::generic_category().message(errno) + "; check its rights");
}

int open_input(const InputFile& file) {
  check_input(file);  // first: opening a device may do something
  // Without waiting, since the file may have become a pipe; for a regular file that flag means nothing.
  const int descriptor = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0)
    refuse_input(file, "cannot be opened: " + std::generic_category().message(errno) + "; check its rights");
  struct stat status {};
  try {
    if (fstat(descriptor, &status) == 0) check_status(file, status);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  return descriptor;
}

std::string read_input(const InputFile& file) {
  InputStream stream(file, {.line_bytes = file.most_bytes});
  return stream.rest();
}

bool has_input(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) return false;
  check_input({path});  // a link that leads nowhere is named, too
  return true;
}

}  // namespace reel::models
