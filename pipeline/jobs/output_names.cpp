#include "pipeline/jobs/output_names.h"

#include <cctype>
#include <cstdio>
#include <filesystem>

namespace reel::pipeline {

std::string prompt_slug(const std::string& prompt) {
  std::string slug;
  for (const char c : prompt) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      slug += static_cast<char>(std::tolower(c));
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
    if (slug.size() >= 48) break;
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug.empty() ? "reel" : slug;
}

std::string default_output(const std::string& prompt) {
  const std::string slug = prompt_slug(prompt);
  std::string path = slug + ".mp4";
  for (int i = 2; std::filesystem::exists(path); ++i) path = slug + "-" + std::to_string(i) + ".mp4";
  return path;
}

std::string with_suffix(const std::string& path, const std::string& suffix) {
  size_t at = path.find('%');
  if (at == std::string::npos) at = path.rfind('.');
  if (at != std::string::npos && path.find('/', at) != std::string::npos)
    at = std::string::npos;  // of a folder
  if (at == std::string::npos) return path + suffix;
  if (at > 0 && path[at] == '%' && path[at - 1] == '_') --at;
  return path.substr(0, at) + suffix + path.substr(at);
}

std::string numbered_output(const std::string& output, size_t index, size_t count) {
  if (output.empty() || count < 2) return output;
  char number[32];
  std::snprintf(number, sizeof number, "-%04zu", index + 1);
  return with_suffix(output, number);
}

}  // namespace reel::pipeline
