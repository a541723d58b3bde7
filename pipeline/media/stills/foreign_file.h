// Names what a file is that is no picture, for messages.
#pragma once

#include <string>
#include <string_view>

namespace reel::media {

/// "is an HTML page; download the picture itself" and the like, from the first 512 bytes of a file. A file of no known
/// kind is described by how it begins.
std::string foreign_file(std::string_view start);

}  // namespace reel::media
