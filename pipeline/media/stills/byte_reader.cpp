#include "pipeline/media/stills/byte_reader.h"

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

void ByteReader::seek(size_t place) {
  if (place > bytes_.size()) throw DamagedStill("it is cut off");
  at_ = place;
}

std::string_view ByteReader::take(size_t count) {
  if (count > left()) throw DamagedStill("it is cut off");
  at_ += count;
  return bytes_.substr(at_ - count, count);
}

uint32_t ByteReader::number(size_t count) {
  const std::string_view part = take(count);
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i)
    value = value << 8 | static_cast<uint8_t>(part[big_ ? i : count - 1 - i]);
  return value;
}

}  // namespace reel::media
