// Patterns of file names, as a shell has them, for those that reach the program.
#pragma once

#include <string>
#include <vector>

namespace reel::pipeline {

/// Whether a text has one of the signs `*`, `?` and `[`.
bool is_pattern(const std::string& text);

/// The regular files that a pattern matches, by name: `*` and `?` stand for letters within a name, `[a-z]` for one of
/// them, a whole name `**` for any number of folders. Hidden names only match what begins with a dot, and `**`
/// enters neither hidden nor linked folders.
std::vector<std::string> files_matching(const std::string& pattern);

}  // namespace reel::pipeline
