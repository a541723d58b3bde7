// From a question about pictures to the ids that a captioner reads, and from its ids back to text.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/model_folder.h"
#include "models/text/chat_template.h"
#include "models/text/tokenizer.h"

namespace reel::pipeline {

/// Writes prompts as transformers' processors do: the folder's chat template makes one text of pictures and question, the
/// tokenizer makes ids of it. If the vocabulary has no token for a picture, the text is cut at its marks and the pieces
/// are tokenised one by one, as the original LLaVA's code does (llava/mm_utils.py, tokenizer_image_token).
/// Immutable: threads may share it.
class PromptWriter {
 public:
  /// Opens tokenizer and template of a captioner's folder. image_token: the id that stands for a picture.
  /// Throws: std::runtime_error as Tokenizer::open and ChatTemplate::open, and if there is no template.
  PromptWriter(const models::ModelFolder& folder, int64_t image_token);

  /// A prompt of `pictures` pictures and a question behind them, in which image_token stands once for each picture.
  /// Throws: std::invalid_argument if the question holds a picture's mark, or the template refuses it;
  /// std::runtime_error if the template leaves pictures out.
  std::vector<int64_t> write(const std::string& question, size_t pictures) const;

  /// The text of an answer's ids up to the first of `stops`, without special tokens and white space around it.
  std::string read(const std::vector<int64_t>& ids, const std::vector<std::string>& stops = {}) const;

  /// Whether the text of an answer has come to one of `stops`; white space at its end counts.
  bool has_stopped(const std::vector<int64_t>& ids, const std::vector<std::string>& stops) const;

 private:
  std::string render(const std::string& question, size_t pictures) const;
  std::string render_parts(const std::string& question, size_t pictures) const;
  std::string render_text(const std::string& question, size_t pictures) const;
  std::vector<int64_t> encode(const std::string& text) const;

  std::string folder_, mark_;
  int64_t image_token_;
  std::unique_ptr<models::Tokenizer> tokenizer_;
  std::optional<models::ChatTemplate> template_;
  bool mark_is_token_;
};

}  // namespace reel::pipeline
