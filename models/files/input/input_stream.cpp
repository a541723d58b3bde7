#include "models/files/input/input_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <streambuf>
#include <system_error>

namespace reel::models {
namespace {

std::string size_text(uint64_t bytes) {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  return bytes >= kMiB ? std::to_string(bytes / kMiB) + " MiB" : std::to_string(bytes) + " bytes";
}

/// The descriptor that a name stands for which the shell or the user made of one: "-", /dev/stdin, /dev/fd/63.
/// -1: it is the name of a file.
int descriptor_of(const std::string& path) {
  if (path == "-" || path == "/dev/stdin") return STDIN_FILENO;
  for (const std::string start : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(start)) continue;
    int number = -1;
    const char* end = path.data() + path.size();
    const auto read = std::from_chars(path.data() + start.size(), end, number);
    if (read.ec == std::errc() && read.ptr == end && number >= 0) return number;
  }
  return -1;
}

}  // namespace

void refuse_size(const InputFile& file, const std::string& has) {
  refuse_input(file, has + " more than " + size_text(file.most_bytes) +
                         ", the most that is read of such a file; is it the right one?");
}

/// Fills itself from the descriptor, counting what comes.
class InputStream::Buffer : public std::streambuf {
 public:
  Buffer(const InputFile& file, StreamRules rules) : file_(file), rules_(rules) {
    const int given = rules.streams ? descriptor_of(file.path) : -1;
    // A copy, so that a name from the shell works as often as it is opened, and standard input stays open.
    descriptor_ = given < 0 ? open_input(file) : fcntl(given, F_DUPFD_CLOEXEC, 0);
    if (descriptor_ < 0)
      refuse_input(file_, "cannot be read: " + std::generic_category().message(errno) + "; name a file");
  }
  ~Buffer() override { ::close(descriptor_); }

 protected:
  int_type underflow() override {
    ssize_t count = 0;
    do {
      count = ::read(descriptor_, bytes_.data(), bytes_.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0)
      refuse_input(file_,
                   "cannot be read: " + std::generic_category().message(errno) + "; name another file");
    if (count == 0) return traits_type::eof();
    const auto got = static_cast<size_t>(count);
    all_ += got;
    if (all_ > file_.most_bytes) refuse_size(file_, "gives");
    check_lines(got);
    setg(bytes_.data(), bytes_.data(), bytes_.data() + got);
    return traits_type::to_int_type(bytes_[0]);
  }

 private:
  void check_lines(size_t got) {
    for (size_t at = 0; at < got;) {
      const void* found = std::memchr(bytes_.data() + at, '\n', got - at);
      const size_t end = found ? static_cast<size_t>(static_cast<const char*>(found) - bytes_.data()) : got;
      line_ += end - at;
      if (line_ > rules_.line_bytes) {
        refuse_input(file_, "has a line of more than " + size_text(rules_.line_bytes) +
                                ", the longest that is read; is it the right file?");
      }
      if (found) line_ = 0, ++lines_;
      if (lines_ > rules_.lines) {
        refuse_input(file_, "has more than " + std::to_string(rules_.lines) +
                                " lines, the most that is read of such a file; split it");
      }
      at = end + 1;
    }
  }

  InputFile file_;
  StreamRules rules_;
  int descriptor_ = -1;
  uint64_t all_ = 0, line_ = 0, lines_ = 0;  // bytes so far; of the line that is being read; whole lines
  std::array<char, 1 << 16> bytes_;
};

InputStream::InputStream(const InputFile& file, StreamRules rules)
    : std::istream(nullptr), buffer_(std::make_unique<Buffer>(file, rules)) {
  rdbuf(buffer_.get());
  exceptions(std::ios::badbit);  // what the buffer throws comes out as it is
}

InputStream::~InputStream() = default;

std::string InputStream::rest() {
  std::string text;
  std::array<char, 1 << 16> part;
  for (std::streamsize count; (count = rdbuf()->sgetn(part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<size_t>(count));
  return text;
}

}  // namespace reel::models
