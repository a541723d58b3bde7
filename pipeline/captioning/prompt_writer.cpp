#include "pipeline/captioning/prompt_writer.h"

#include <algorithm>
#include <exception>
#include <stdexcept>

namespace reel::pipeline {
namespace {

/// `text` cut at every `mark`.
std::vector<std::string> pieces_of(const std::string& text, const std::string& mark) {
  std::vector<std::string> pieces;
  size_t begin = 0;
  for (size_t end; (end = text.find(mark, begin)) != std::string::npos; begin = end + mark.size())
    pieces.push_back(text.substr(begin, end - begin));
  pieces.push_back(text.substr(begin));
  return pieces;
}

/// Where the first of `stops` begins, or the text's size.
size_t end_of(const std::string& text, const std::vector<std::string>& stops) {
  size_t end = text.size();
  for (const std::string& stop : stops) {
    if (!stop.empty()) end = std::min(end, text.find(stop));
  }
  return end;
}

models::ChatTemplate template_of(const models::ModelFolder& folder, const models::Tokenizer& tokenizer) {
  if (auto found = models::ChatTemplate::open(folder.path, tokenizer.special_tokens()))
    return std::move(*found);
  const std::string& usual = folder.caption_input.chat_template;
  if (usual.empty())
    throw std::runtime_error(
        "[" + folder.path +
        "] has no chat template, so that it is not known how a prompt is written; fetch the "
        "model's chat_template.json, chat_template.jinja or tokenizer_config.json");
  return models::ChatTemplate::parse(usual, folder.pipeline_class + "'s own template",
                                     tokenizer.special_tokens());
}

}  // namespace

PromptWriter::PromptWriter(const models::ModelFolder& folder, int64_t image_token)
    : folder_(folder.path),
      mark_(folder.caption_input.picture_mark),
      image_token_(image_token),
      tokenizer_(models::Tokenizer::open(folder.captioner.tokenizer)),
      template_(template_of(folder, *tokenizer_)) {
  const std::vector<int64_t> ids = tokenizer_->encode(mark_);
  mark_is_token_ = std::find(ids.begin(), ids.end(), image_token_) != ids.end();
}

std::string PromptWriter::render_parts(const std::string& question, size_t pictures) const {
  models::ChatMessage message{.role = "user"};
  for (size_t i = 0; i < pictures; ++i) message.parts.push_back({"image"});
  message.parts.push_back({"text", question});
  return template_->render({.messages = {message}});
}

std::string PromptWriter::render_text(const std::string& question, size_t pictures) const {
  models::ChatMessage message{.role = "user"};
  for (size_t i = 0; i < pictures; ++i) message.content += mark_ + "\n";
  message.content += question;
  return template_->render({.messages = {message}});
}

std::string PromptWriter::render(const std::string& question, size_t pictures) const {
  const auto marks = [&](const std::string& text) { return pieces_of(text, mark_).size() - 1; };
  std::exception_ptr fault;
  try {
    std::string text = render_parts(question, pictures);
    if (marks(text) == pictures) return text;
  } catch (const std::exception&) {
    fault = std::current_exception();
  }
  // Templates of language models know texts alone, and write parts in other ways or fail on them: the marks are part of
  // the text then.
  std::string text;
  try {
    text = render_text(question, pictures);
  } catch (const std::exception&) {
    if (fault) std::rethrow_exception(fault);
    throw;
  }
  if (marks(text) == pictures) return text;
  if (fault) std::rethrow_exception(fault);
  throw std::runtime_error("[" + folder_ + "] its chat template must write '" + mark_ +
                           "' once for each picture, wrote it " + std::to_string(marks(text)) +
                           " times for " + std::to_string(pictures) + "; correct the template");
}

std::vector<int64_t> PromptWriter::encode(const std::string& text) const {
  std::vector<int64_t> ids = tokenizer_->encode(text);
  // A template that writes the token of a beginning has it twice, where transformers then leaves the tokenizer's out.
  const int64_t bos = tokenizer_->bos_id();
  if (bos >= 0 && ids.size() > 1 && ids[0] == bos && ids[1] == bos) ids.erase(ids.begin());
  return ids;
}

std::vector<int64_t> PromptWriter::write(const std::string& question, size_t pictures) const {
  if (question.find(mark_) != std::string::npos) {
    throw std::invalid_argument(
        "[prompt] must not hold '" + mark_ +
        "', which stands for a picture; pictures are put in front of the words, leave it out");
  }
  const std::string text = render(question, pictures);
  if (mark_is_token_) return encode(text);
  std::vector<int64_t> ids;
  const int64_t bos = tokenizer_->bos_id();
  bool first = true;
  for (const std::string& piece : pieces_of(text, mark_)) {
    std::vector<int64_t> own = encode(piece);
    const bool begins = bos >= 0 && !own.empty() && own.front() == bos;
    if (!first) ids.push_back(image_token_);
    ids.insert(ids.end(), own.begin() + (begins && !first), own.end());
    first = false;
  }
  return ids;
}

std::string PromptWriter::read(const std::vector<int64_t>& ids, const std::vector<std::string>& stops) const {
  std::string text = tokenizer_->decode(ids);
  text.resize(end_of(text, stops));
  constexpr const char* kWhite = " \t\r\n";
  const size_t begin = text.find_first_not_of(kWhite);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kWhite) + 1 - begin);
}

bool PromptWriter::has_stopped(const std::vector<int64_t>& ids, const std::vector<std::string>& stops) const {
  const std::string text = tokenizer_->decode(ids);
  return end_of(text, stops) < text.size();
}

}  // namespace reel::pipeline
