#include "models/text/chat_template.h"

#include <filesystem>
#include <map>
#include <stdexcept>

#include "models/text/jinja/values/json_values.h"
#include "models/text/tokenizer_json.h"

namespace reel::models {

namespace {

using TemplateJson = nlohmann::ordered_json;

constexpr size_t kMostTemplates = 100;
constexpr const char* kDefault = "default";

// The templates of a folder by name, and the file that they come from.
struct FoundTemplates {
  std::string place;
  std::map<std::string, std::string> texts;
};

std::string path_in(const std::string& folder, const char* name) {
  return (std::filesystem::path(folder) / name).string();
}

// `chat_template` of a JSON file: absent, one text, or a list of named ones.
std::optional<FoundTemplates> in_json(const std::string& path) {
  if (!has_input(path)) return std::nullopt;
  const auto document = read_json_object<TemplateJson>(path, 10'000);
  const auto found = document.find("chat_template");
  if (found == document.end() || found->is_null()) return std::nullopt;
  FoundTemplates templates{path, {}};
  if (found->is_string()) {
    templates.texts[kDefault] = found->get<std::string>();
    return templates;
  }
  const auto refuse = [&]() {
    refuse_file(path,
                "'chat_template' must be a text, or a list of objects with 'name' and 'template', got " +
                    shown(found->dump()) + "; correct the file or fetch it again");
  };
  if (!found->is_array() || found->empty() || found->size() > kMostTemplates) refuse();
  for (const TemplateJson& item : *found) {
    const auto text = [&](const char* key) {
      if (!item.is_object() || !item.contains(key) || !item[key].is_string()) refuse();
      return item[key].get<std::string>();
    };
    templates.texts[text("name")] = text("template");
  }
  return templates;
}

// chat_template.jinja, and the named ones of the folder beside it.
std::optional<FoundTemplates> in_jinja_files(const std::string& folder) {
  FoundTemplates templates{path_in(folder, "chat_template.jinja"), {}};
  const auto take = [&](const std::string& name, const std::string& path) {
    const std::string text = read_text_file(path);
    templates.texts[name] = std::string(without_bom(text));
  };
  if (has_input(templates.place)) take(kDefault, templates.place);
  const std::string more = path_in(folder, "additional_chat_templates");
  if (std::error_code code; std::filesystem::is_directory(more, code)) {
    for (const auto& entry : std::filesystem::directory_iterator(more)) {
      if (entry.path().extension() != ".jinja") continue;
      if (templates.texts.size() >= kMostTemplates) refuse_file(more, "must hold at most 100 templates");
      take(entry.path().stem().string(), entry.path().string());
    }
  }
  return templates.texts.empty() ? std::nullopt : std::optional(std::move(templates));
}

std::optional<FoundTemplates> templates_of(const std::string& folder) {
  if (auto found = in_json(path_in(folder, "processor_config.json"))) return found;
  if (auto found = in_json(path_in(folder, "chat_template.json"))) return found;
  if (auto found = in_jinja_files(folder)) return found;
  return in_json(path_in(folder, "tokenizer_config.json"));
}

std::string names_of(const FoundTemplates& templates) {
  std::string names;
  for (const auto& [name, text] : templates.texts) names += (names.empty() ? "" : ", ") + shown(name);
  return names;
}

// "[file] line 3 of the chat template ..."
[[noreturn]] void refuse_template(const std::string& place, const jinja::Fault& fault,
                                  const std::string& way_out) {
  const std::string line = fault.line() > 0 ? "line " + std::to_string(fault.line()) + " of the " : "the ";
  throw std::runtime_error("[" + place + "] " + line + "chat template " + shown(fault.what(), 300) + "; " +
                           way_out);
}

jinja::Value message_value(const ChatMessage& message, jinja::Budget& budget) {
  jinja::Dict dict;
  dict.set("role", jinja::Value(message.role));
  if (message.parts.empty()) {
    dict.set("content", jinja::Value(message.content));
  } else {
    jinja::Values parts;
    for (const ChatMessage::Part& part : message.parts) {
      jinja::Dict fields;
      fields.set("type", jinja::Value(part.type));
      if (part.type == "text") fields.set("text", jinja::Value(part.text));
      parts.push_back(jinja::Value::dict(std::move(fields), budget));
    }
    dict.set("content", jinja::Value::list(std::move(parts), budget));
  }
  return jinja::Value::dict(std::move(dict), budget);
}

}  // namespace

std::optional<ChatTemplate> ChatTemplate::open(const std::string& folder, const SpecialTokens& special_tokens,
                                               const std::string& name) {
  const std::optional<FoundTemplates> templates = templates_of(folder);
  if (!templates) return std::nullopt;
  const bool single = templates->texts.size() == 1 && name.empty();
  const auto found =
      single ? templates->texts.begin() : templates->texts.find(name.empty() ? kDefault : name);
  if (found == templates->texts.end()) {
    const std::string wanted = name.empty() ? std::string(kDefault) : shown(name);
    refuse_file(templates->place, "has no chat template '" + wanted + "'; it has " + names_of(*templates));
  }
  return parse(found->second, templates->place, special_tokens);
}

ChatTemplate ChatTemplate::parse(const std::string& text, const std::string& place,
                                 SpecialTokens special_tokens) {
  try {
    return {jinja::Template::parse(text), place, std::move(special_tokens)};
  } catch (const jinja::Fault& fault) {
    const bool unknown = fault.kind() == jinja::FaultKind::kUnsupported;
    refuse_template(
        place, fault,
        unknown ? "write the prompt without a template, or change that line" : "correct or fetch the file");
  }
}

std::string ChatTemplate::render(const ChatRequest& request) const {
  try {
    jinja::Budget budget((jinja::Limits()));
    jinja::Dict variables;
    for (const auto& [name, content] : special_tokens_) variables.set(name, jinja::Value(content));
    jinja::Values messages;
    for (const ChatMessage& message : request.messages) messages.push_back(message_value(message, budget));
    variables.set("messages", jinja::Value::list(std::move(messages), budget));
    variables.set("tools", jinja::Value());
    variables.set("documents", jinja::Value());
    variables.set("add_generation_prompt", jinja::Value(request.add_generation_prompt));
    if (!request.variables.empty()) {
      const jinja::Value more = jinja::value_of_json(request.variables, budget);
      if (!more.is(jinja::Value::Kind::kDict)) {
        throw std::invalid_argument("[chat template] 'variables' must be a JSON object");
      }
      for (const auto& [name, value] : more.dict().items()) variables.set(name, value);
    }
    return program_.render(variables, request.now.value_or(std::time(nullptr)));
  } catch (const jinja::Fault& fault) {
    if (fault.kind() == jinja::FaultKind::kRaised) {
      throw std::invalid_argument("[" + place_ +
                                  "] the chat template refuses these messages: " + shown(fault.what(), 300));
    }
    refuse_template(place_, fault, "the messages may not be what it expects");
  }
}

}  // namespace reel::models
