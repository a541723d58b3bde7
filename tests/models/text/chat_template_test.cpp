// Chat templates against transformers' apply_chat_template; how: tests/golden/make_chat_templates.py.
#include "models/text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"

namespace reel::models::chat_template_test {

using Json = nlohmann::ordered_json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGolden = REEL_GOLDEN "/chat_templates/";

ChatTemplate golden_template(const std::string& name, const Json& tokens) {
  SpecialTokens special;
  for (const auto& [key, value] : tokens.items()) special.emplace_back(key, value.get<std::string>());
  return ChatTemplate::parse(read_file(kGolden + name + ".jinja"), name, special);
}

TEST(ChatTemplateTest, WritesConversationsAsTheReferenceDoes) {
  setenv("TZ", "UTC", 1);
  tzset();
  const Json golden = Json::parse(read_file(kGolden + "cases.json"));
  ASSERT_GE(golden["cases"].size(), 150u);
  int raised = 0;
  for (const auto& row : golden["cases"]) {
    const std::string name = row["template"];
    const std::string what = name + " on " + row["chat"].get<std::string>();
    const ChatTemplate chat = golden_template(name, golden["special_tokens"]);
    ChatRequest request;
    request.add_generation_prompt = row["add_generation_prompt"];
    request.variables = row["variables"].dump();
    request.now = golden["now"].get<std::time_t>();
    if (row.contains("text")) {
      EXPECT_EQ(chat.render(request), row["text"].get<std::string>()) << what;
    } else if (row["error"].contains("raised")) {
      ++raised;
      try {
        chat.render(request);
        ADD_FAILURE() << what << " must be refused";
      } catch (const std::invalid_argument& error) {
        EXPECT_THAT(error.what(),
                    AllOf(StartsWith("[" + name + "] "),
                          HasSubstr("refuses these messages: " + row["error"]["raised"].get<std::string>())));
      }
    } else {
      EXPECT_THROW(chat.render(request), std::runtime_error) << what;
    }
  }
  EXPECT_GE(raised, 8);
}

TEST(ChatTemplateTest, TakesMessagesOfTextsAndPictures) {
  const ChatTemplate chat = golden_template("llava15", Json::object());
  ChatRequest request;
  request.messages = {{.role = "user", .parts = {{"image"}, {"text", "What is this?"}}}};
  EXPECT_EQ(chat.render(request), "USER: <image>\nWhat is this? ASSISTANT:");
  request.messages.push_back({.role = "assistant", .parts = {{"text", "A cat."}}});
  request.add_generation_prompt = false;
  EXPECT_EQ(chat.render(request), "USER: <image>\nWhat is this? ASSISTANT: A cat. ");
  const ChatTemplate plain = golden_template("chatml", Json::object());
  EXPECT_EQ(plain.render({.messages = {{"system", "s"}, {"user", "u"}}}),
            "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n");
}

// A folder with some files, and what its template writes.
std::string written(const std::map<std::string, std::string>& files, const std::string& name = "") {
  TemporaryFolder folder;
  for (const auto& [file, content] : files) {
    std::filesystem::create_directories((folder.path() / file).parent_path());
    write_file(folder / file, content);
  }
  const auto chat = ChatTemplate::open(folder.path().string(), {{"bos_token", "<s>"}}, name);
  return chat ? chat->render({}) : "(none)";
}

std::string refused(const std::map<std::string, std::string>& files, const std::string& name = "") {
  try {
    return "not refused: " + written(files, name);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(ChatTemplateTest, IsFoundInTheOrderOfTransformers) {
  std::map<std::string, std::string> files = {
      {"tokenizer_config.json", R"({"chat_template": "d{{ bos_token }}"})"}};
  EXPECT_EQ(written(files), "d<s>");
  files["chat_template.jinja"] = "c";
  EXPECT_EQ(written(files), "c");
  files["chat_template.json"] = R"({"chat_template": "b"})";
  EXPECT_EQ(written(files), "b");
  files["processor_config.json"] = R"({"image_seq_len": 1})";
  EXPECT_EQ(written(files), "b");
  files["processor_config.json"] = R"({"chat_template": "a"})";
  EXPECT_EQ(written(files), "a");
  EXPECT_EQ(written({{"tokenizer_config.json", "{}"}}), "(none)");
  EXPECT_EQ(written({}), "(none)");
}

TEST(ChatTemplateTest, IsChosenByName) {
  const std::map<std::string, std::string> list = {
      {"tokenizer_config.json",
       R"({"chat_template": [{"name": "default", "template": "a"}, {"name": "rag", "template": "b"}]})"}};
  EXPECT_EQ(written(list), "a");
  EXPECT_EQ(written(list, "rag"), "b");
  EXPECT_THAT(refused(list, "tool_use"),
              AllOf(HasSubstr("no chat template 'tool_use'"), HasSubstr("it has default, rag")));
  const std::map<std::string, std::string> files = {{"chat_template.jinja", "a"},
                                                    {"additional_chat_templates/rag.jinja", "b"}};
  EXPECT_EQ(written(files), "a");
  EXPECT_EQ(written(files, "rag"), "b");
  EXPECT_EQ(written({{"additional_chat_templates/rag.jinja", "b"}}), "b");
}

TEST(ChatTemplateTest, IsRefusedWithFileLineAndFault) {
  EXPECT_THAT(refused({{"chat_template.jinja", "a\n{% if %}"}}),
              AllOf(HasSubstr("/chat_template.jinja] line 2 of the chat template needs an expression")));
  EXPECT_THAT(refused({{"chat_template.jinja", "{{ x | wordwrap }}"}}),
              AllOf(HasSubstr("line 1 of the chat template uses the filter 'wordwrap'"),
                    HasSubstr("; write the prompt without")));
  EXPECT_THAT(refused({{"chat_template.jinja", "\n{{ x.y }}"}}),
              HasSubstr("line 2 of the chat template 'x' is undefined"));
  EXPECT_THAT(refused({{"chat_template.json", R"({"chat_template": 7})"}}),
              HasSubstr("'chat_template' must be a text"));
  EXPECT_THAT(refused({{"chat_template.json", "{"}}), HasSubstr("must be JSON"));
  EXPECT_THAT(refused({{"tokenizer_config.json", R"({"chat_template": [{"name": "a"}]})"}}),
              HasSubstr("'name' and 'template'"));
}

TEST(ChatTemplateTest, RefusesVariablesThatAreNoObject) {
  const ChatTemplate chat = ChatTemplate::parse("a", "place");
  EXPECT_THROW(chat.render({.variables = "[1]"}), std::invalid_argument);
  EXPECT_THROW(chat.render({.variables = "{"}), std::runtime_error);
}

}  // namespace reel::models::chat_template_test
