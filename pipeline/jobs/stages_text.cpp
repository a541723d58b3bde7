#include "pipeline/jobs/stages_text.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "models/files/utf8.h"

namespace reel::pipeline {
namespace fs = std::filesystem;

namespace {
constexpr uintmax_t kMostBytes = 1 << 20;
}

std::string stages_text(const std::string& value) {
  std::error_code ignored;
  if (!fs::is_regular_file(value, ignored)) {
    const bool one_word = value.find_first_of(" \t\n;") == std::string::npos;
    if (one_word && value.find_first_of("./") != std::string::npos)
      throw std::runtime_error("[--synopsis] the file '" + value +
                               "' does not exist; name one, or write the stages as \"a; b; c\"");
    return value;
  }
  if (fs::file_size(value) > kMostBytes)
    throw std::runtime_error("[--synopsis] '" + value + "' must have at most 1 MiB; write one stage a line");
  std::ifstream file(value, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error("[--synopsis] '" + value + "' cannot be read; check its permissions");
  return std::string(models::without_bom(text));
}

}  // namespace reel::pipeline
