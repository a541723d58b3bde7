// UTF-8, read from bytes that are not trusted.
#pragma once

#include <string>
#include <string_view>

namespace reel::models {

/// UTF-8 -> code points. Bytes that are not UTF-8 become U+FFFD, one for each longest start of a character
/// that they hold (as Python's errors="replace" and Rust's from_utf8_lossy do).
std::u32string from_utf8(std::string_view text);

/// Code points -> UTF-8.
void append_utf8(std::string& text, char32_t point);
std::string to_utf8(std::u32string_view text);

/// The text without the byte order mark (U+FEFF) at its head, which some editors write; it is no part of a text.
std::string_view without_bom(std::string_view text);

/// Whether a terminal would obey the character, or show nothing of it, so that a text is not what it looks like: controls
/// (C0, DEL, C1), line and paragraph separators, and what Unicode calls default-ignorable (marks of direction, zero-width
/// characters, tags), but for variation selectors, which choose how the sign before them looks.
bool is_hidden(char32_t point);

/// The text with \xNN for each byte of hidden characters and of what is no UTF-8; a line end becomes \n. The form of
/// all messages.
std::string escaped(std::string_view text);

/// The first `bytes` bytes of a longer text, without the beginning of a character that they cut.
std::string_view whole_characters(std::string_view text, size_t bytes);

/// A JSON document with \uNNNN for hidden characters in its texts: the same document, and fit to be shown. Line ends and
/// tabs between its values stay.
std::string json_escaped(std::string_view document);

}  // namespace reel::models
