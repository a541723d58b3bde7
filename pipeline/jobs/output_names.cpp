#include "pipeline/jobs/output_names.h"

#include <cctype>
#include <cstdio>

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

std::shared_ptr<const models::Reservation> default_output(const std::string& prompt,
                                                          const std::string& folder) {
  const std::string slug = prompt_slug(prompt);
  const auto name = [&](int i) {
    return (std::filesystem::path(folder) / (slug + (i == 1 ? "" : "-" + std::to_string(i)) + ".mp4"))
        .string();
  };
  const auto belongs = [&](const std::string& file) {
    const size_t end = file.size() < 4 ? 0 : file.size() - 4;
    if (!file.starts_with(slug) || end < slug.size() || file.compare(end, 4, ".mp4") != 0) return false;
    const std::string number = file.substr(slug.size(), end - slug.size());
    return number.empty() || (number.size() > 1 && number[0] == '-' &&
                              number.find_first_not_of("0123456789", 1) == std::string::npos);
  };
  return std::make_shared<const models::Reservation>(name, 1'000'000, belongs);
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
