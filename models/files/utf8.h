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

}  // namespace reel::models
