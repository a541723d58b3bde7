// One kind of picture file: what a reader of it says and does.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace reel::media {

/// What a file says before its pixels are decoded.
struct StillHeader {
  int64_t height = 0, width = 0;  // as stored, at least 1
  int orientation = 1;            // how to turn what is stored: EXIF's 1 to 8
  int64_t decoder_bytes = 0;      // memory that decoding takes beside file and pixels
};

/// Thrown by readers, which do not know the file's name. what(): the fact, as in "it is cut off".
struct DamagedStill : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// what() ends the sentence "is a JPEG ...", as in "with 12 bits a channel".
struct UnknownStill : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Functions instead of a class, since a reader keeps nothing between calls. Bytes are hostile: whatever they are, both
/// functions end, soon, with a result or one of the errors above.
struct StillFormat {
  const char* name;                            // "JPEG"
  bool (*recognises)(std::string_view start);  // of 512 bytes or the whole file
  StillHeader (*inspect)(std::string_view file);
  /// rgb: uint8 [H, W, 3] as stored. Every byte is written.
  void (*decode)(std::string_view file, const StillHeader& header, uint8_t* rgb);
};

}  // namespace reel::media
