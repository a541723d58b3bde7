// What the bytes of a file are that was given for another kind of file.
#pragma once

#include <string>
#include <string_view>

namespace reel::models {

/// What a file is by its first bytes, and what to do, as in "it is an HTML page, as servers send in place of a
/// file ...; download the file itself". "" if it is nothing that is known here.
std::string foreign_content(std::string_view bytes);

}  // namespace reel::models
