#include "pipeline/jobs/stages_text.h"

#include <filesystem>
#include <stdexcept>

#include "models/files/input/input_stream.h"
#include "models/files/utf8.h"

namespace reel::pipeline {
namespace fs = std::filesystem;

namespace {
constexpr uint64_t kMostSynopsisBytes = 1 << 20;
}

std::string stages_text(const std::string& value) {
  std::error_code ignored;
  // A text may be the name of a folder by chance; a name with a path in it is meant as one.
  if (!fs::exists(value, ignored) ||
      (fs::is_directory(value, ignored) && value.find_first_of("./") == std::string::npos)) {
    const bool one_word = value.find_first_of(" \t\n;") == std::string::npos;
    if (one_word && value.find_first_of("./") != std::string::npos)
      throw std::runtime_error("[--synopsis] the file '" + value +
                               "' does not exist; name one, or write the stages as \"a; b; c\"");
    return value;
  }
  const std::string text =
      models::InputStream({.path = value, .option = "--synopsis", .most_bytes = kMostSynopsisBytes},
                          {.streams = true})
          .rest();
  return std::string(models::without_bom(text));
}

}  // namespace reel::pipeline
