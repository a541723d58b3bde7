#include "models/text/tokenizer.h"

#include <filesystem>
#include <stdexcept>

#include "models/text/tokenizer_clip.h"
#include "models/text/tokenizer_settings.h"

namespace reel::models {

std::unique_ptr<Tokenizer> Tokenizer::open(const std::string& folder) {
  if (std::error_code code; !std::filesystem::is_directory(folder, code)) {
    throw std::runtime_error("[" + folder +
                             "] must be a folder with tokenizer files, and is not; name a tokenizer folder");
  }
  std::string family = read_tokenizer_class(folder);
  // Transformers 4 wrote the name with "Fast"; folders that name none are CLIP's own first ones.
  if (family.ends_with("Fast")) family.resize(family.size() - 4);
  if (family.empty() || family == "CLIPTokenizer") return open_clip_tokenizer(folder);
  throw std::runtime_error("[" + folder +
                           "/tokenizer_config.json] 'tokenizer_class' must be CLIPTokenizer, got '" + family +
                           "'; other tokenizers are not supported");
}

}  // namespace reel::models
