// SHA-256, for keys that must tell contents apart: cache entries, models, frames.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace reel::models {

/// An incremental SHA-256. Feed it, then ask for the digest once.
/// Source: FIPS 180-4, sections 4.1.2, 5 and 6.2.
class Hash {
 public:
  /// The bytes as they are.
  Hash& bytes(const void* data, size_t size);
  /// A field: its length goes in first, so that ("ab", "c") and ("a", "bc") differ.
  Hash& field(std::string_view text);
  Hash& field(uint64_t number);
  /// 64 lower-case hexadecimal digits. The hash must not be fed afterwards.
  std::string hex();

 private:
  void block(const uint8_t* data);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_ = {};
  uint64_t size_ = 0;  // bytes fed so far
};

/// The digest of one text.
std::string sha256(std::string_view text);

}  // namespace reel::models
