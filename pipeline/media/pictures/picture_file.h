// Inspects picture files without decoding them: kind, size, completeness and text.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace reel::media {

struct PictureFile {
  std::string format;  // png, jpeg or webp; empty: none of these
  int64_t width = 0, height = 0;
  std::map<std::string, std::string> text;  // PNG's tEXt and uncompressed iTXt, as UTF-8
};

/// True if the first bytes (10 or more) are those of a picture that inspect_picture knows.
bool is_picture(const std::string& start);

/// Reads over the whole file and checks what a decoder may pass over: the checksums of a PNG, and that a JPEG
/// or WebP is not cut off. Throws: std::runtime_error "[path] ..." if it is damaged or an animation.
PictureFile inspect_picture(const std::string& path, const std::string& bytes);

}  // namespace reel::media
