// Paths that somebody else chose (a graph, a job list, a recipe): they may lead nowhere but below one folder.
#pragma once

#include <string>
#include <string_view>

namespace reel::models {

/// True if the text holds a NUL or another control character (C0, DEL, or C1 as UTF-8).
bool has_control_characters(std::string_view text);

/// The path for `given`, which is relative to `folder` (empty: the working folder). Links are followed, also
/// those that lead to nothing. An absolute `given` is taken if it lies below `folder`.
/// Throws: std::invalid_argument "[path] ..." if `given` is empty, holds control characters, or leads elsewhere;
/// `way_out` ends the message of the last.
std::string confined_path(const std::string& folder, const std::string& given, const std::string& way_out);

}  // namespace reel::models
