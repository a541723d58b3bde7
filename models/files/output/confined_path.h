// Paths that somebody else chose (a graph, a job list, a recipe): they may lead nowhere but below one folder.
#pragma once

#include <string>
#include <string_view>

namespace reel::models {

/// True if the text holds a NUL, another control character, or one that does not show (is_hidden).
bool has_hidden_characters(std::string_view text);

/// Where a file of this path lies or would lie, links followed: the same for all spellings of one path.
std::string destination_of(const std::string& path);

/// The path for `given`, which is relative to `folder` (empty: the working folder). Links are followed, also
/// those that lead to nothing. An absolute `given` is taken if it lies below `folder`.
/// Throws: std::invalid_argument "[path] ..." if `given` is empty, holds hidden characters, or leads elsewhere;
/// `way_out` ends the message of the last.
std::string confined_path(const std::string& folder, const std::string& given, const std::string& way_out);

}  // namespace reel::models
