#include "models/text/tokenizer.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "models/text/tokenizer_clip.h"
#include "models/text/tokenizer_json.h"
#include "models/text/tokenizer_settings.h"
#include "models/text/tokenizers/family_stages.h"
#include "models/text/tokenizers/file_tokenizer.h"
#include "models/text/tokenizers/sentence_piece_tokenizer.h"

namespace reel::models {

namespace {

constexpr const char* kEndOfText = "<|endoftext|>";

bool has_file(const std::string& folder, const char* name) {
  return has_input((std::filesystem::path(folder) / name).string());
}

// What a folder without a tokenizer_class is: CLIP's own first ones name none.
std::string guessed_family(const std::string& folder) {
  if (has_file(folder, "tokenizer.json")) {
    const BpeFiles files = read_bpe(folder);
    const bool described = files.stages.find("\"pre_tokenizer\"") != std::string::npos ||
                           files.stages.find("\"decoder\"") != std::string::npos;
    return described && files.options.suffix != "</w>" ? "PreTrainedTokenizer" : "CLIPTokenizer";
  }
  const bool piece_model = has_file(folder, "tokenizer.model") && !has_file(folder, "vocab.json");
  return piece_model ? "LlamaTokenizer" : "CLIPTokenizer";
}

}  // namespace

std::unique_ptr<Tokenizer> Tokenizer::open(const std::string& folder) {
  if (std::error_code code; !std::filesystem::is_directory(folder, code)) {
    throw std::runtime_error("[" + folder +
                             "] must be a folder with tokenizer files, and is not; name a tokenizer folder");
  }
  std::string family = read_tokenizer_class(folder);
  if (family.ends_with("Fast")) family.resize(family.size() - 4);  // as transformers 4 wrote it
  if (family.empty()) family = guessed_family(folder);
  if (family == "CLIPTokenizer") return open_clip_tokenizer(folder);
  if (family == "LlamaTokenizer") {
    if (!has_file(folder, "tokenizer.json") && has_file(folder, "tokenizer.model")) {
      return open_sentence_piece_tokenizer(folder);
    }
    return open_file_tokenizer(folder, {.bos = "<s>", .eos = "</s>", .unknown = "<unk>"});
  }
  // The name that transformers 5 gives to folders of no class of their own.
  if (family == "PreTrainedTokenizer" || family == "TokenizersBackend")
    return open_file_tokenizer(folder, {});
  if (family == "GPT2Tokenizer") {
    return open_file_tokenizer(
        folder, {.bos = kEndOfText, .eos = kEndOfText, .unknown = kEndOfText, .stages = gpt2_stages()});
  }
  if (family == "Qwen2Tokenizer") {
    return open_file_tokenizer(
        folder, {.eos = kEndOfText, .unknown = kEndOfText, .pad = kEndOfText, .stages = qwen2_stages()});
  }
  throw std::runtime_error("[" + folder +
                           "/tokenizer_config.json] 'tokenizer_class' must be CLIPTokenizer, LlamaTokenizer, "
                           "PreTrainedTokenizerFast, GPT2Tokenizer or Qwen2Tokenizer, got '" +
                           shown(family) + "'; other tokenizers are not supported");
}

}  // namespace reel::models
