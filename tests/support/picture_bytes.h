// Picture files byte by byte, for those that must be refused.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace reel::picture_bytes {

/// A literal with NUL bytes in it.
template <size_t Size>
std::string raw(const char (&literal)[Size]) {
  return {literal, Size - 1};
}

inline std::string number(uint64_t value, size_t bytes, bool big) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[big ? bytes - 1 - i : i] = static_cast<char>(value >> 8 * i & 255);
  return text;
}
inline std::string big(uint64_t value, size_t bytes) { return number(value, bytes, true); }
inline std::string little(uint64_t value, size_t bytes) { return number(value, bytes, false); }

/// A copy with `bytes` at `at`.
inline std::string with(std::string file, size_t at, const std::string& bytes) {
  return file.replace(at, bytes.size(), bytes);
}

// PNG.

inline uint32_t crc(const std::string& bytes) {
  uint32_t value = ~0U;
  for (const char byte : bytes) {
    value ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xedb88320U ^ value >> 1 : value >> 1;
  }
  return ~value;
}

inline std::string chunk(const std::string& kind, const std::string& data) {
  return big(data.size(), 4) + kind + data + big(crc(kind + data), 4);
}

/// zlib's form of `count` zeros, a thousandth of their size: one literal, then copies of 258 bytes.
inline std::string zeros_packed(uint64_t count) {
  std::string bytes = raw("\x78\x9c");
  uint32_t bits = 0;
  int held = 0;
  const auto put = [&](uint32_t value, int size) {  // lowest bit first
    bits |= value << held, held += size;
    for (; held >= 8; held -= 8, bits >>= 8) bytes += static_cast<char>(bits & 255);
  };
  put(3, 3);     // the last block, of fixed codes
  put(0x0c, 8);  // a zero
  uint64_t left = count - 1;
  for (; left >= 258; left -= 258) put(0xa3, 8), put(0, 5);  // length 258, distance 1
  for (; left > 0; --left) put(0x0c, 8);
  put(0, 7);  // the end
  if (held > 0) put(0, 8 - held);
  // Adler's sum of zeros: 1 and their number.
  return bytes + big(count % 65521, 2) + big(1, 2);
}

inline std::string png(uint64_t width, uint64_t height, int bits, int kind, const std::string& chunks) {
  return raw("\x89PNG\r\n\x1a\n") +
         chunk("IHDR", big(width, 4) + big(height, 4) + static_cast<char>(bits) + static_cast<char>(kind) +
                           raw("\0\0\0")) +
         chunks + chunk("IEND", "");
}

/// Black, grey, 8 bits, with `chunks` before its pixels.
inline std::string black_png(uint64_t width, uint64_t height, const std::string& chunks = "") {
  return png(width, height, 8, 0, chunks + chunk("IDAT", zeros_packed((width + 1) * height)));
}

// TIFF, little-endian: entries of whole numbers.

struct Entry {
  int tag, kind;
  uint32_t value;
};

inline std::string tiff(const std::vector<Entry>& entries, const std::string& data) {
  std::string file = raw("II*\0") + little(8, 4) + little(entries.size(), 2);
  for (const Entry& entry : entries)
    file += little(static_cast<uint64_t>(entry.tag), 2) + little(static_cast<uint64_t>(entry.kind), 2) +
            little(1, 4) + little(entry.value, 4);
  return file + little(0, 4) + data;
}

/// Grey, 8 bits, one strip; `more` goes over what is usual.
inline std::string grey_tiff(uint32_t width, uint32_t height, const std::vector<Entry>& more = {}) {
  std::vector<Entry> entries = {{256, 4, width}, {257, 4, height}, {258, 3, 8},      {259, 3, 1}, {262, 3, 1},
                                {273, 4, 0},     {277, 3, 1},      {278, 4, height}, {279, 4, 16}};
  entries[5].value = static_cast<uint32_t>(8 + 2 + entries.size() * 12 + 4);
  for (const Entry& change : more)
    for (Entry& entry : entries)
      if (entry.tag == change.tag) entry = change;
  return tiff(entries, std::string(16, 'x'));
}

// GIF: a screen of its own colours, then `rest`.

inline std::string gif(uint64_t width, uint64_t height, const std::string& rest) {
  return "GIF89a" + little(width, 2) + little(height, 2) + raw("\x80\0\0") + raw("\0\0\0\xff\xff\xff") + rest;
}
inline std::string gif_frame(uint64_t width, uint64_t height, int code_size, const std::string& codes) {
  return "," + raw("\0\0\0\0") + little(width, 2) + little(height, 2) + raw("\0") +
         static_cast<char>(code_size) + static_cast<char>(codes.size()) + codes + raw("\0;");
}

// BMP with a header of 40 bytes.

inline std::string bmp(uint64_t width, uint64_t height, int bits, int compression, const std::string& data) {
  return "BM" + little(54 + data.size(), 4) + little(0, 4) + little(54, 4) + little(40, 4) +
         little(width, 4) + little(height, 4) + little(1, 2) + little(static_cast<uint64_t>(bits), 2) +
         little(static_cast<uint64_t>(compression), 4) + little(data.size(), 4) + std::string(16, '\0') +
         data;
}

inline std::string riff(const std::string& chunks) {
  return "RIFF" + little(4 + chunks.size(), 4) + "WEBP" + chunks;
}
inline std::string riff_chunk(const std::string& kind, const std::string& data) {
  return kind + little(data.size(), 4) + data + (data.size() % 2 ? raw("\0") : "");
}

/// A progressive JPEG with its first scan `count` times more.
inline std::string with_scans(const std::string& jpeg, size_t count) {
  const size_t scan = jpeg.find("\xff\xda");
  size_t end = scan + 2;
  while (jpeg[end] != '\xff' || jpeg[end + 1] == '\0') ++end;
  std::string file = jpeg.substr(0, end);
  for (size_t i = 0; i < count; ++i) file += jpeg.substr(scan, end - scan);
  return file + jpeg.substr(end);
}

}  // namespace reel::picture_bytes
