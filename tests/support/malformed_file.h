// Files that must be refused: lists of them are shared by the tests of their readers and of the program.
#pragma once

#include <ostream>
#include <string>

namespace reel {

/// `message` is a part of what the refusal must say.
struct MalformedFile {
  std::string name, bytes, message;
};

inline void PrintTo(const MalformedFile& file, std::ostream* stream) { *stream << file.name; }

inline std::string repeated(const std::string& part, size_t count) {
  std::string text;
  text.reserve(part.size() * count);
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

/// `"0":value,"1":value,...`
inline std::string many_members(size_t count, const std::string& value) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":" + value;
  return text;
}

}  // namespace reel
