#include "app/session/printable_output.h"

#include <unistd.h>

#include <iostream>
#include <string_view>
#include <utility>

#include "models/files/utf8.h"

namespace reel::app {

PrintableOutput::PrintableOutput() : out_(std::cout.rdbuf()), err_(std::cerr.rdbuf()) {
  std::cout.rdbuf(&out_), std::cerr.rdbuf(&err_);
}

PrintableOutput::~PrintableOutput() {
  std::cout.flush(), std::cerr.flush();
  std::cout.rdbuf(out_.target()), std::cerr.rdbuf(err_.target());
}

/// A whole character, or bytes that are none.
bool PrintableOutput::Filter::write_begun() {
  const std::string text = models::escaped(std::exchange(begun_, ""));
  return target_->sputn(text.data(), static_cast<std::streamsize>(text.size())) ==
         static_cast<std::streamsize>(text.size());
}

bool PrintableOutput::Filter::put(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  const bool follows = (code & 0xC0) == 0x80;
  if (!follows && !begun_.empty() && !write_begun()) return false;
  if (byte == '\n' || byte == '\t' || (code >= 0x20 && code < 0x7F))
    return target_->sputc(byte) != traits_type::eof();
  begun_ += byte;
  const auto lead = static_cast<unsigned char>(begun_.front());
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  return begun_.size() < bytes || write_begun();
}

PrintableOutput::Filter::int_type PrintableOutput::Filter::overflow(int_type byte) {
  if (traits_type::eq_int_type(byte, traits_type::eof())) return sync() == 0 ? 0 : traits_type::eof();
  return put(traits_type::to_char_type(byte)) ? byte : traits_type::eof();
}

std::streamsize PrintableOutput::Filter::xsputn(const char* text, std::streamsize count) {
  for (std::streamsize i = 0; i < count; ++i) {
    if (!put(text[i])) return i;
  }
  return count;
}

int PrintableOutput::Filter::sync() { return target_->pubsync(); }

void clear_line() {
  std::cerr.flush();
  constexpr std::string_view kClear = "\r\033[K";
  if (write(STDERR_FILENO, kClear.data(), kClear.size()) < 0) return;  // a bar that stays does no harm
}

}  // namespace reel::app
