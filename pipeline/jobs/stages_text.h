// Reads the value of --synopsis: the name of a file, or the stages themselves.
#pragma once

#include <string>

namespace reel::pipeline {

/// The stages as text: the content of the file `value` if there is one, else `value` itself. Throws:
/// std::runtime_error for a file that cannot be read, is larger than 1 MiB, or does not exist although
/// `value` looks like a file name (a single word with a dot or a slash).
std::string stages_text(const std::string& value);

}  // namespace reel::pipeline
