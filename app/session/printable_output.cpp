#include "app/session/printable_output.h"

#include <unistd.h>

#include <iostream>
#include <string_view>

namespace reel::app {

PrintableOutput::PrintableOutput() : out_(std::cout.rdbuf()), err_(std::cerr.rdbuf()) {
  std::cout.rdbuf(&out_), std::cerr.rdbuf(&err_);
}

PrintableOutput::~PrintableOutput() {
  std::cout.flush(), std::cerr.flush();
  std::cout.rdbuf(out_.target()), std::cerr.rdbuf(err_.target());
}

bool PrintableOutput::Filter::escape(unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const char text[] = {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  return target_->sputn(text, sizeof text) == sizeof text;
}

bool PrintableOutput::Filter::put(unsigned char byte) {
  if (after_c2_) {
    after_c2_ = false;
    if (byte >= 0x80 && byte < 0xa0) return escape(0xc2) && escape(byte);
    if (target_->sputc(static_cast<char>(0xc2)) == traits_type::eof()) return false;
  }
  if (byte == 0xc2) return after_c2_ = true;
  if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) return escape(byte);
  return target_->sputc(static_cast<char>(byte)) != traits_type::eof();
}

PrintableOutput::Filter::int_type PrintableOutput::Filter::overflow(int_type byte) {
  if (traits_type::eq_int_type(byte, traits_type::eof())) return sync() == 0 ? 0 : traits_type::eof();
  return put(static_cast<unsigned char>(byte)) ? byte : traits_type::eof();
}

std::streamsize PrintableOutput::Filter::xsputn(const char* text, std::streamsize count) {
  for (std::streamsize i = 0; i < count; ++i) {
    if (!put(static_cast<unsigned char>(text[i]))) return i;
  }
  return count;
}

int PrintableOutput::Filter::sync() {
  if (after_c2_) {
    after_c2_ = false;
    if (target_->sputc(static_cast<char>(0xc2)) == traits_type::eof()) return -1;
  }
  return target_->pubsync();
}

void clear_line() {
  std::cerr.flush();
  constexpr std::string_view kClear = "\r\033[K";
  if (write(STDERR_FILENO, kClear.data(), kClear.size()) < 0) return;  // a bar that stays does no harm
}

}  // namespace reel::app
