// Checks that a container file is complete: libav silently stops where a file is cut off.
#pragma once

#include <string>

namespace reel::media {

/// GIF: the blocks reach the trailer. Throws: std::runtime_error "[path] ..." if the file is cut off.
void check_gif(const std::string& path);

/// WebM and Matroska: the file is as long as its segment says. Returns the document type, `webm` or
/// `matroska`. Throws: std::runtime_error "[path] ..." if the file is cut off.
std::string check_matroska(const std::string& path);

}  // namespace reel::media
