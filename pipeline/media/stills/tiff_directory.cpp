#include "pipeline/media/stills/tiff_directory.h"

#include "pipeline/media/stills/byte_reader.h"
#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {
namespace {

/// Bytes of one value of a TIFF type, if it is a whole number; else 0.
size_t whole_number_bytes(uint32_t type) {
  constexpr size_t kBytes[] = {0, 1, 0, 2, 4, 0, 1, 0, 2, 4};  // BYTE 1, SHORT 3, LONG 4, signed 6, 8, 9
  return type < std::size(kBytes) ? kBytes[type] : 0;
}

}  // namespace

int64_t TiffDirectory::get(int tag, int64_t absent) const {
  const auto found = values.find(tag);
  return found == values.end() ? absent : found->second;
}

TiffDirectory tiff_directory(std::string_view bytes) {
  const std::string_view mark = bytes.substr(0, 4);
  const bool big = mark == std::string_view("MM\0*", 4) || mark == std::string_view("MM*\0", 4);
  if (!big && mark != std::string_view("II*\0", 4) && mark != std::string_view("II\0*", 4))
    throw DamagedStill("it does not begin as TIFF");
  ByteReader reader(bytes, big);
  reader.skip(4);
  reader.seek(reader.number(4));
  TiffDirectory directory;
  for (uint32_t entries = reader.number(2); entries > 0 && reader.left() >= 12; --entries) {
    const auto tag = static_cast<int>(reader.number(2));
    const uint32_t type = reader.number(2), count = reader.number(4);
    const size_t next = reader.at() + 4, size = whole_number_bytes(type);
    if (size > 0 && count > 0) {
      // Values of up to four bytes stand in the entry itself.
      const size_t place = count <= 4 / size ? reader.at() : reader.number(4);
      if (place < bytes.size() && bytes.size() - place >= size) {
        reader.seek(place);
        directory.values[tag] = reader.number(size);
      }
    }
    reader.seek(next);
  }
  return directory;
}

}  // namespace reel::media
