#include "pipeline/media/libav/libav.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace reel::media {
namespace {

thread_local LogCapture* current = nullptr;

void keep_line(void* object, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR || !current) return;
  std::array<char, 1024> line;
  int print_prefix = 0;  // "[libx264 @ 0x55...]": an address helps nobody
  av_log_format_line2(object, level, format, arguments, line.data(), line.size(), &print_prefix);
  current->add(line.data());
}

}  // namespace

LogCapture::LogCapture() : outer_(current) {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(keep_line); });
  current = this;
}

LogCapture::~LogCapture() { current = outer_; }

void LogCapture::add(const std::string& line) {
  const size_t begin = line.find_first_not_of(' '), end = line.find_last_not_of(" \r\n.");
  if (end != std::string::npos) last_ = line.substr(begin, end + 1 - begin);
}

std::string libav_reason(int error, const LogCapture& log) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> name = {};
  av_strerror(error, name.data(), name.size());
  if (log.last_error().empty()) return name.data();
  return log.last_error() + " (" + name.data() + ")";
}

}  // namespace reel::media
