// What --synopsis names: a file, or the stages themselves.
#pragma once

#include <string>

namespace reel::app {

/// The stages of `value` as text: the content of the file of that name if there is one, else the value
/// itself. Throws: std::runtime_error for a file that cannot be read, is larger than 1 MiB, or is plainly
/// meant (a single word with a dot or a slash) and absent.
std::string stages_text(const std::string& value);

}  // namespace reel::app
