// What reaches the terminal: no character that it obeys or that nobody sees, whatever the pieces it comes in.
#include "app/session/printable_output.h"

#include <gmock/gmock.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/command.h"

namespace reel::printable_output_test {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What std::cout writes of the pieces, flushed after each.
std::string printed(const std::vector<std::string>& pieces) {
  std::ostringstream target;
  std::streambuf* const before = std::cout.rdbuf(target.rdbuf());
  {
    const app::PrintableOutput filter;
    for (const std::string& piece : pieces) std::cout << piece << std::flush;
  }
  std::cout.rdbuf(before);
  return target.str();
}

TEST(PrintableOutputTest, EscapesWhatIsObeyedOrNotSeen) {
  EXPECT_EQ(printed({"né\t\u2764\ufe0f 🦊\n"}), "né\t\u2764\ufe0f 🦊\n") << "plain text stays";
  EXPECT_EQ(printed({"a\u202egpj\x1b[31m\u200b\ufeff\u0085"}),
            "a\\xe2\\x80\\xaegpj\\x1b[31m\\xe2\\x80\\x8b\\xef\\xbb\\xbf\\xc2\\x85");
  EXPECT_EQ(printed({"\xe2", "\x80", "\xae", "\xc3", "\xa9"}), "\\xe2\\x80\\xaeé") << "in pieces";
  EXPECT_EQ(printed({"\xff"
                     "a\x9b\xe2\x80"
                     "b\xf0\x9f"}),
            "\\xffa\\x9b\\xe2\\x80b\\xf0\\x9f")
      << "no UTF-8";
}

TEST(PrintableOutputTest, PathsAndTextsOfTheCommandLine) {
  const TemporaryFolder folder;
  const std::string bad = "a\u202eb\x1b";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"replay", bad},
                                                {"generate", "a", "--seed", bad},
                                                {"generate", "a", "--config", bad},
                                                {"generate", "a", "--device", bad},
                                                {"graph", "check", bad},
                                                {"models", "info", bad},
                                                {bad},
                                                {"generate", "a", "--steps", "1", "--" + bad},
                                                {"generate", "a", "--model", bad, "-o", bad}}) {
    for (const bool as_json : {false, true}) {
      std::vector<std::string> all = words;
      if (as_json) all.push_back("--json");
      const CommandResult result = reel_command(folder, all);
      EXPECT_NE(result.code, 0) << words.front();
      EXPECT_THAT(result.err, AllOf(HasSubstr("a\\xe2\\x80\\xaeb\\x1b"), Not(HasSubstr("\u202e")),
                                    Not(HasSubstr("\x1b"))))
          << words.front();
      EXPECT_THAT(result.out, Not(HasSubstr("\u202e"))) << words.front();
    }
  }
}

// A program reads it back: what is hidden is written as JSON writes it.
TEST(PrintableOutputTest, JsonStaysJson) {
  const TemporaryFolder folder;
  const std::string text = "a \U0001f469\u200d\U0001f52c\u202e\x7f\u0085";
  ASSERT_EQ(reel_command(folder, {"graph", "new", "generate", "-o", "g.json"}).code, 0);
  const CommandResult set =
      reel_command(folder, {"graph", "set", "-", "positive.text=" + text}, read_file(folder / "g.json"));
  ASSERT_EQ(set.code, 0) << set.err;
  EXPECT_THAT(set.out, Not(HasSubstr("\u202e")));
  EXPECT_EQ(json::parse(set.out).at("positive").at("inputs").at("text"), text);
  const CommandResult error = reel_command(folder, {"replay", text + ".mp4", "--json"});
  EXPECT_EQ(error.code, 4) << error.err;
  EXPECT_THAT(json::parse(error.out).at("error").at("message").get<std::string>(), HasSubstr(text));
  const CommandResult event = reel_command(folder, {"replay", text + ".mp4", "--progress", "json"});
  EXPECT_THAT(json::parse(event.err).at("message").get<std::string>(), HasSubstr(text));
}

}  // namespace reel::printable_output_test
