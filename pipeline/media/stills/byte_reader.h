// Numbers of a file in memory, never beyond its end.
#pragma once

#include <cstdint>
#include <string_view>

namespace reel::media {

/// Every function throws DamagedStill "it is cut off" if there are fewer bytes than it needs.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes, bool big_endian = false) : bytes_(bytes), big_(big_endian) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  void seek(size_t place);
  void skip(size_t count) { take(count); }
  std::string_view take(size_t count);
  /// An unsigned number of 1 to 4 bytes.
  uint32_t number(size_t count);
  uint8_t byte() { return static_cast<uint8_t>(number(1)); }

 private:
  std::string_view bytes_;
  bool big_;
  size_t at_ = 0;
};

}  // namespace reel::media
