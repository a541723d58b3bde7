#include "pipeline/media/pictures/picture_file.h"

#include <cstring>
#include <stdexcept>

#include "pipeline/media/pictures/png_file.h"

namespace reel::media {
namespace {

constexpr char kPng[] = "\x89PNG\r\n\x1a\n";

bool has(const std::string& bytes, size_t at, const char* text) {
  return bytes.size() >= at && bytes.compare(at, std::strlen(text), text) == 0;
}

int64_t byte(const std::string& bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

[[noreturn]] void damaged(const std::string& path, const char* kind, const char* fact) {
  throw std::runtime_error("[" + path + "] is a damaged " + kind + ": " + fact + "; copy or make it again");
}

// ITU-T T.81, annex B. The size stands in a start-of-frame segment; after start of scan comes coded data.
PictureFile inspect_jpeg(const std::string& path, const std::string& bytes) {
  PictureFile file{"jpeg", 0, 0, {}};
  for (size_t at = 2; at + 4 <= bytes.size();) {
    if (byte(bytes, at) != 0xff) damaged(path, "JPEG", "a segment is missing");
    const int64_t marker = byte(bytes, at + 1);
    if (marker == 0xff) {  // a fill byte
      ++at;
      continue;
    }
    const auto length = static_cast<size_t>(byte(bytes, at + 2) << 8 | byte(bytes, at + 3));
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame && at + 9 <= bytes.size()) {
      file.height = byte(bytes, at + 5) << 8 | byte(bytes, at + 6);
      file.width = byte(bytes, at + 7) << 8 | byte(bytes, at + 8);
    }
    if (marker == 0xda) {
      if (file.width == 0) damaged(path, "JPEG", "its size is missing");
      // A decoder would fill the rest of a cut file with grey and go on.
      const size_t end = bytes.rfind("\xff\xd9");
      if (end == std::string::npos || end < at) damaged(path, "JPEG", "it is cut off");
      return file;
    }
    at += 2 + length;
  }
  damaged(path, "JPEG", "it is cut off");
}

// RFC 9649, "WebP Image Format".
PictureFile inspect_webp(const std::string& path, const std::string& bytes) {
  const auto little = [&](size_t at, int count) {
    int64_t value = 0;
    for (int i = count - 1; i >= 0; --i) value = value << 8 | byte(bytes, at + static_cast<size_t>(i));
    return value;
  };
  if (bytes.size() < 30 || little(4, 4) + 8 > static_cast<int64_t>(bytes.size()))
    damaged(path, "WebP", "it is cut off");
  PictureFile file{"webp", 0, 0, {}};
  if (has(bytes, 12, "VP8X")) {
    if (byte(bytes, 20) & 2) {
      throw std::runtime_error("[" + path +
                               "] is an animated WebP, which reel does not read; convert it to .mp4 or .gif");
    }
    file.width = little(24, 3) + 1, file.height = little(27, 3) + 1;
  } else if (has(bytes, 12, "VP8L")) {
    const int64_t bits = little(21, 4);
    file.width = (bits & 0x3fff) + 1, file.height = (bits >> 14 & 0x3fff) + 1;
  } else if (has(bytes, 12, "VP8 ")) {
    file.width = little(26, 2) & 0x3fff, file.height = little(28, 2) & 0x3fff;
  } else {
    damaged(path, "WebP", "its first chunk is not known");
  }
  return file;
}

}  // namespace

bool is_picture(const std::string& start) {
  return has(start, 0, kPng) || has(start, 0, "\xff\xd8\xff") ||
         (has(start, 0, "RIFF") && has(start, 8, "WEBP"));
}

PictureFile inspect_picture(const std::string& path, const std::string& bytes) {
  if (has(bytes, 0, kPng)) return inspect_png(path, bytes);
  if (has(bytes, 0, "\xff\xd8\xff")) return inspect_jpeg(path, bytes);
  return inspect_webp(path, bytes);
}

}  // namespace reel::media
