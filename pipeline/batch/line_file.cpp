#include "pipeline/batch/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "models/files/input/input_stream.h"
#include "models/files/utf8.h"

namespace reel::pipeline {
namespace {

constexpr uint64_t kMostLineBytes = uint64_t{16} << 20;

[[noreturn]] void fail(const std::string& path, const char* doing, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  throw std::runtime_error("[" + path + "] " + doing + ": " + std::generic_category().message(error) +
                           (full ? "; what is done stays done: make room, and run again with --resume"
                                 : "; name another file (-o)"));
}

}  // namespace

LineFile::LineFile(const std::string& path) : path_(path) {
  if (path == "-") {
    file_ = STDOUT_FILENO, end_ = -1, path_ = "standard output";
    return;
  }
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file_ < 0) fail(path, "cannot be opened for writing", errno);
  struct stat status;
  if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file_);
    throw std::runtime_error(
        "[" + path +
        "] must be a regular file, got something else; name another file (-o), or use - for standard output");
  }
  end_ = status.st_size;
}

LineFile::~LineFile() {
  if (end_ >= 0) close(file_);
}

size_t LineFile::keep_while(const std::function<bool(size_t, const std::string&)>& keep) {
  if (end_ <= 0) return 0;
  models::InputStream lines({.path = path_}, {.line_bytes = kMostLineBytes});
  size_t count = 0;
  int64_t kept = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    if (lines.eof() || !keep(count, line)) break;  // eof: the last line has no end
    kept += int64_t(line.size()) + 1;
  }
  if (kept != end_ && ftruncate(file_, kept) != 0) fail(path_, "cannot be cut", errno);
  end_ = kept;
  return count;
}

void LineFile::add(const std::string& line) {
  const std::string bytes =
      (end_ < 0 ? models::json_escaped(line) : line) + "\n";  // stdout may be a terminal
  for (size_t written = 0; written < bytes.size();) {
    const ssize_t n =
        end_ < 0 ? write(file_, bytes.data() + written, bytes.size() - written)
                 : pwrite(file_, bytes.data() + written, bytes.size() - written, end_ + int64_t(written));
    if (n > 0) written += size_t(n);
    if (n > 0 || (n < 0 && errno == EINTR)) continue;
    const int error = n < 0 ? errno : EIO;
    if (end_ >= 0 && ftruncate(file_, end_) != 0) fail(path_, "cannot be written nor mended", error);
    fail(path_, "cannot be written", error);
  }
  if (end_ >= 0) end_ += int64_t(bytes.size());
}

void LineFile::sync() {
  if (end_ >= 0 && fsync(file_) != 0) fail(path_, "cannot be made durable", errno);
}

}  // namespace reel::pipeline
