// Chat templates: how a model folder wants a conversation written as one text.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "models/text/jinja/jinja_template.h"
#include "models/text/tokenizer.h"

namespace reel::models {

struct ChatMessage {
  struct Part {
    std::string type;       // "text", "image"
    std::string text = {};  // of a text
  };
  std::string role;          // "system", "user", "assistant"
  std::string content = {};  // its text, if it has no parts
  std::vector<Part> parts = {};
};

struct ChatRequest {
  std::vector<ChatMessage> messages;
  bool add_generation_prompt = true;  // ends where the model's answer begins
  /// Further variables as the text of a JSON object: "tools", "documents", or what else a template reads. They count more
  /// than those of the same name here and than special tokens.
  std::string variables = {};
  std::optional<std::time_t> now = std::nullopt;  // for templates that tell the date; absent: the present
};

/// The template of a folder, and its special tokens.
class ChatTemplate {
 public:
  /// Opens the template of a model folder, if it has one. The first of these counts, as in transformers' processors:
  /// `chat_template` in processor_config.json; chat_template.json; chat_template.jinja and the files of the folder
  /// additional_chat_templates; `chat_template` in tokenizer_config.json, one text or a list of named ones. `name` chooses
  /// among several. `special_tokens`: those of the folder's tokenizer, by name, which templates read as variables.
  /// Throws: std::runtime_error "[file] fault; way out" if a file is malformed, has several templates and none named
  /// "default", has none of that name, or has one that is no Jinja or uses what is not supported, with its line.
  static std::optional<ChatTemplate> open(const std::string& folder, const SpecialTokens& special_tokens,
                                          const std::string& name = "");
  /// `place` names it in messages. Throws: std::runtime_error as open.
  static ChatTemplate parse(const std::string& text, const std::string& place,
                            SpecialTokens special_tokens = {});

  /// The text of a conversation. A template that refuses it (it calls raise_exception) is the caller's mistake.
  /// Throws: std::invalid_argument "[file] the template refuses these messages: ..."; std::runtime_error "[file] ..." with
  /// the line if the template fails or takes too much.
  std::string render(const ChatRequest& request) const;

 private:
  ChatTemplate(jinja::Template program, std::string place, SpecialTokens tokens)
      : program_(std::move(program)), place_(std::move(place)), special_tokens_(std::move(tokens)) {}
  jinja::Template program_;
  std::string place_;
  SpecialTokens special_tokens_;
};

}  // namespace reel::models
