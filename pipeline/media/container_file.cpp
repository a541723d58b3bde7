#include "pipeline/media/container_file.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace reel::media {
namespace {

class Bytes {
 public:
  explicit Bytes(const std::string& path)
      : path_(path),
        stream_(path, std::ios::binary),
        size_(static_cast<int64_t>(std::filesystem::file_size(path))) {}

  int64_t next() {
    const int value = stream_.get();
    if (value < 0) cut_off();
    ++at_;
    return value;
  }
  void skip(int64_t count) {
    if (count < 0 || count > size_ - at_) cut_off();
    at_ += count;
    stream_.seekg(at_);
  }
  std::string text(int64_t count) {
    std::string result;
    while (count-- > 0) result += static_cast<char>(next());
    return result;
  }
  int64_t left() const { return size_ - at_; }
  [[noreturn]] void cut_off() const {
    throw std::runtime_error("[" + path_ + "] is damaged: it is cut off; copy or make it again");
  }

 private:
  std::string path_;
  std::ifstream stream_;
  int64_t size_, at_ = 0;
};

// EBML's variable-length number (RFC 8794, section 4): as many leading zeros as further bytes. -1: unknown
// size.
int64_t variable_number(Bytes& bytes, bool keep_mark) {
  const int64_t first = bytes.next();
  int length = 1;
  for (int64_t mark = 0x80; length <= 8 && !(first & mark); mark >>= 1) ++length;
  if (length > 8) bytes.cut_off();
  int64_t value = keep_mark ? first : first & ((0x80 >> (length - 1)) - 1);
  bool unknown = value == (0x80 >> (length - 1)) - 1;
  for (int i = 1; i < length; ++i) {
    const int64_t byte = bytes.next();
    unknown = unknown && byte == 0xff;
    value = value << 8 | byte;
  }
  return unknown && !keep_mark ? -1 : value;
}

int64_t table_bytes(int64_t flags) { return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0; }

}  // namespace

// GIF89a specification, appendix B: header, colour table, blocks of sub-blocks, trailer.
void check_gif(const std::string& path) {
  Bytes bytes(path);
  bytes.skip(10);
  bytes.skip(2 + table_bytes(bytes.next()));
  for (;;) {
    const int64_t block = bytes.next();
    if (block == 0x21) {  // an extension and its label
      bytes.skip(1);
    } else if (block == 0x2c) {  // a picture
      bytes.skip(8);
      bytes.skip(table_bytes(bytes.next()) + 1);
    } else {
      return;  // the trailer, or what only a decoder can judge
    }
    for (int64_t length = bytes.next(); length > 0; length = bytes.next()) bytes.skip(length);
  }
}

std::string check_matroska(const std::string& path) {
  constexpr int64_t kDocumentType = 0x4282, kSegment = 0x18538067;
  Bytes bytes(path);
  variable_number(bytes, true);  // the EBML header, which libav has recognised
  std::string type = "matroska";
  const int64_t header_bytes = variable_number(bytes, false);
  for (const int64_t end = bytes.left() - header_bytes; header_bytes >= 0 && bytes.left() > end;) {
    const int64_t id = variable_number(bytes, true), length = variable_number(bytes, false);
    if (id == kDocumentType && length > 0 && length < 64) {
      type = bytes.text(length);
    } else {
      bytes.skip(length);
    }
  }
  const int64_t id = variable_number(bytes, true), length = variable_number(bytes, false);
  if (id == kSegment && length > bytes.left()) bytes.cut_off();
  return type;
}

}  // namespace reel::media
