#include "pipeline/media/pictures/png_file.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "pipeline/media/pictures/picture_file.h"

namespace reel::media {
namespace {

// PNG specification, third edition, annex D.
uint32_t checksum(const char* bytes, size_t count) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> values{};
    for (uint32_t i = 0; i < 256; ++i) {
      values[i] = i;
      for (int bit = 0; bit < 8; ++bit)
        values[i] = values[i] & 1 ? 0xedb88320u ^ values[i] >> 1 : values[i] >> 1;
    }
    return values;
  }();
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < count; ++i) crc = table[(crc ^ static_cast<uint8_t>(bytes[i])) & 255] ^ crc >> 8;
  return ~crc;
}

uint32_t number_at(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

std::string number_text(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string make_chunk(const std::string& type_and_data) {
  return number_text(static_cast<uint32_t>(type_and_data.size() - 4)) + type_and_data +
         number_text(checksum(type_and_data.data(), type_and_data.size()));
}

std::string latin1_to_utf8(const std::string& text) {
  std::string result;
  for (const char byte : text) {
    const auto code = static_cast<uint8_t>(byte);
    if (code < 0x80) {
      result += byte;
    } else {
      result += static_cast<char>(0xc0 | code >> 6);
      result += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  return result;
}

// The texts that we can read; compressed ones (zTXt, or iTXt with the flag set) are left out.
void add_text(const std::string& type, const std::string& data, std::map<std::string, std::string>& text) {
  const size_t key_end = data.find('\0');
  if (key_end == std::string::npos) return;
  const std::string key = data.substr(0, key_end);
  if (type == "tEXt") text[key] = latin1_to_utf8(data.substr(key_end + 1));
  if (type != "iTXt" || data.size() < key_end + 3 || data[key_end + 1] != 0) return;
  const size_t language_end = data.find('\0', key_end + 3);
  if (language_end == std::string::npos) return;
  const size_t translation_end = data.find('\0', language_end + 1);
  if (translation_end != std::string::npos) text[key] = data.substr(translation_end + 1);
}

}  // namespace

PictureFile inspect_png(const std::string& path, const std::string& bytes) {
  const auto damaged = [&](const std::string& fact) {
    throw std::runtime_error("[" + path + "] is a damaged PNG: " + fact + "; copy or make it again");
  };
  PictureFile file{"png", 0, 0, {}};
  bool pixels = false;
  for (size_t at = 8;;) {
    if (bytes.size() - at < 12) damaged("it ends before its last chunk");
    const size_t length = number_at(bytes, at);
    const std::string type = bytes.substr(at + 4, 4);
    if (length > bytes.size() - at - 12) damaged("it ends inside a chunk");
    if (number_at(bytes, at + 8 + length) != checksum(bytes.data() + at + 4, length + 4)) {
      damaged("a checksum does not fit");
    }
    if ((at == 8) != (type == "IHDR")) damaged("its header is missing or not alone");
    if (type == "IHDR") {
      if (length != 13) damaged("its header has a wrong length");
      file.width = number_at(bytes, at + 8);
      file.height = number_at(bytes, at + 12);
    }
    if (type == "tEXt" || type == "iTXt") add_text(type, bytes.substr(at + 8, length), file.text);
    pixels = pixels || type == "IDAT";
    if (type == "IEND") break;
    at += 12 + length;
  }
  if (!pixels) damaged("it has no pixels");
  return file;
}

std::string with_png_text(const std::string& png, const std::map<std::string, std::string>& text) {
  constexpr size_t kHeaderEnd = 8 + 12 + 13;  // signature and IHDR
  std::string chunks;
  for (const auto& [key, value] : text) {
    const bool ascii =
        std::all_of(value.begin(), value.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
    chunks += ascii ? make_chunk("tEXt" + key + '\0' + value)
                    : make_chunk("iTXt" + key + std::string(5, '\0') + value);
  }
  return png.substr(0, kHeaderEnd) + chunks + png.substr(kHeaderEnd);
}

}  // namespace reel::media
