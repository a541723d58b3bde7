// The chunks of a PNG file.
#pragma once

#include "pipeline/media/pictures/picture_file.h"

namespace reel::media {

/// bytes: a file that starts with PNG's signature. Throws: std::runtime_error "[path] ..." if it is damaged.
PictureFile inspect_png(const std::string& path, const std::string& bytes);

/// A PNG with text chunks added behind its header: tEXt for ASCII, iTXt for the rest of Unicode.
/// Source: PNG specification, third edition, 11.3.3.
std::string with_png_text(const std::string& png, const std::map<std::string, std::string>& text);

}  // namespace reel::media
