// `--config FILE`: every option of every verb can stand in a file, and what is wrong with a file is said.
#include "app/session/options/config_file.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "app/command_line.h"
#include "app/session/options/value_option.h"
#include "tests/support/command.h"

namespace reel::config_file_test {

using testing::AllOf;
using testing::HasSubstr;

/// The program's verbs, read but not run.
struct Program {
  Program() { app::declare_verbs(app, action); }
  void parse(std::vector<std::string> words) {
    std::ranges::reverse(words);  // as CLI11 wants them
    app.parse(words);
  }
  CLI::App app{"", "reel"};
  app::Action action;
};

using Path = std::vector<std::string>;  // of a verb: graph, run

void collect_verbs(CLI::App& above, const Path& path, std::vector<Path>& all) {
  for (CLI::App* verb : above.get_subcommands([](CLI::App*) { return true; })) {
    Path own = path;
    own.push_back(verb->get_name());
    if (verb->get_option_no_throw("--config")) all.push_back(own);
    collect_verbs(*verb, own, all);
  }
}

CLI::App& verb_at(CLI::App& app, const Path& path) {
  CLI::App* verb = &app;
  for (const std::string& name : path) verb = verb->get_subcommand(name);
  return *verb;
}

std::string joined(const Path& path, const std::string& between) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : between) + name;
  return text;
}

std::string key_of(const CLI::Option& option) {
  return option.get_positional() ? option.get_name(true) : option.get_lnames().front();
}

/// Two legal values, written as in a file; the first one is not the default.
std::pair<std::string, std::string> samples(CLI::Option& option) {
  option.capture_default_str();
  const std::string label = option.get_type_name(), now = option.get_default_str();
  std::vector<std::string> values;
  switch (app::type_of(option)) {
    case ValueType::kFlag:
      return {"true", "false"};
    case ValueType::kSeed:
      return {"\"18446744073709551615\"", "7"};
    case ValueType::kInteger:
    case ValueType::kNumber: {
      double low = 1, high = 9;
      std::sscanf(label.substr(std::min(label.find('('), label.size())).c_str(), "(%lf to %lf)", &low, &high);
      for (const double value : {low, low + 1, high})
        values.push_back(to_text(static_cast<int64_t>(std::ceil(value))));
      break;
    }
    default:
      if (label.find('|') == std::string::npos) return {"\"one\"", "\"two\""};
      for (size_t begin = 0; begin <= label.size();) {
        const size_t end = std::min(label.find('|', begin), label.size());
        values.push_back("\"" + label.substr(begin, end - begin) + "\"");
        begin = end + 1;
      }
  }
  std::erase_if(values, [&](const std::string& value) { return value == now || value == "\"" + now + "\""; });
  return {values.front(), values.back()};
}

std::string unquoted(const std::string& value) {
  return value.starts_with('"') ? value.substr(1, value.size() - 2) : value;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class ConfigFileTest : public testing::Test {
 protected:
  /// What reading a file for a verb says; empty: it was taken.
  std::string refusal(const Path& verb, const std::string& text, const std::vector<std::string>& more = {}) {
    write(folder_ / "c.toml", text);
    std::vector<std::string> words = verb;
    words.insert(words.end(), {"--config", folder_ / "c.toml"});
    words.insert(words.end(), more.begin(), more.end());
    Program program;
    try {
      program.parse(words);
    } catch (const std::exception& error) {
      std::string message = error.what();
      const std::string place = folder_.path().string() + "/";
      if (const size_t at = message.find(place); at != std::string::npos) message.erase(at, place.size());
      return message;
    }
    return "";
  }
  TemporaryFolder folder_;
};

TEST_F(ConfigFileTest, EveryVerbThatRunsSomethingHasIt) {
  Program program;
  std::vector<Path> verbs;
  collect_verbs(program.app, {}, verbs);
  EXPECT_GE(verbs.size(), 24u);
  for (const char* name : {"generate", "graph.run", "eval.world", "eval.synopsis", "eval.sweep", "inspect",
                           "replay", "doctor", "models.check", "edits"}) {
    EXPECT_TRUE(std::ranges::any_of(verbs, [&](const Path& path) { return joined(path, ".") == name; }))
        << name;
  }
}

// The law: whatever an option's value is, it arrives from the top of a file and from the verb's table, and the command
// line wins. An option that another one must go with may say so, by its name.
TEST_F(ConfigFileTest, EveryOptionOfEveryVerbArrives) {
  Program all;
  std::vector<Path> verbs;
  collect_verbs(all.app, {}, verbs);
  size_t tried = 0;
  for (const Path& path : verbs) {
    for (CLI::Option* option : verb_at(all.app, path).get_options()) {
      if (option->check_name("--help") || option->check_name("--config")) continue;
      const std::string key = key_of(*option), place = joined(path, " ") + ": " + key;
      const auto [value, other] = samples(*option);
      std::string required;
      for (const CLI::Option* needed : verb_at(all.app, path).get_options()) {
        if (needed->get_required() && needed != option) required += key_of(*needed) + " = \"needed\"\n";
      }
      const std::string line = key + " = " + value + "\n", table = "[" + joined(path, ".") + "]\n";
      for (const std::string& text :
           {required + line, table + required + line, required + key + " = " + other + "\n" + table + line}) {
        write(folder_ / "c.toml", text);
        std::vector<std::string> words = path;
        words.insert(words.end(), {"--config", folder_ / "c.toml"});
        Program program;
        try {
          program.parse(words);
        } catch (const CLI::ParseError& error) {
          EXPECT_THAT(error.what(), AllOf(HasSubstr("--" + key), HasSubstr("belongs to"))) << place << "\n"
                                                                                           << text;
          continue;
        } catch (const std::invalid_argument& error) {
          ADD_FAILURE() << place << ": " << error.what() << "\n" << text;
          continue;
        }
        CLI::App& verb = verb_at(program.app, path);
        CLI::Option* read = option->get_positional() ? verb.get_option(key) : verb.get_option("--" + key);
        EXPECT_EQ(read->results(), std::vector<std::string>{unquoted(value)}) << place;
        read->capture_default_str();  // what the variable behind the option holds now
        EXPECT_THAT(read->get_default_str(), HasSubstr(unquoted(value))) << place;
        ++tried;
      }
      if (app::type_of(*option) == ValueType::kFlag || option->get_positional()) continue;
      write(folder_ / "c.toml", required + line);
      std::vector<std::string> words = path;
      words.insert(words.end(), {"--" + key, unquoted(other), "--config", folder_ / "c.toml"});
      Program program;
      try {
        program.parse(words);
      } catch (const CLI::ParseError&) {
        continue;  // as above
      }
      EXPECT_EQ(verb_at(program.app, path).get_option("--" + key)->results(),
                std::vector<std::string>{unquoted(other)})
          << place << ": the command line wins";
    }
  }
  EXPECT_GT(tried, 400u);
}

TEST_F(ConfigFileTest, TheProgramDoesWhatTheFileSays) {
  const std::string model = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";
  write(folder_ / "options.toml",
        "\xEF\xBB\xBF# as an editor may write it\r\nsteps = 1\r\nframes = 4\r\nseed = 7\r\njson = true\r\n"
        "size = \"32x16\"\r\n[generate]\r\noutput = \"a.y4m\"\r\nmodel = \"" +
            model +
            "\"\r\n"
            "edit = [\"scale:factor=2@kind=temporal\"]\r\nguidance = 4\r\n[inspect]\r\nsites = 3\r\n");
  const CommandResult result =
      reel_command(folder_, {"generate", "a fox", "--config", "options.toml", "--frames", "3"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("\"seed\":7"), HasSubstr("\"steps\":1"), HasSubstr("\"frames\":3"),
                                HasSubstr("\"guidance\":4.0"), HasSubstr("scale:factor=2@kind=temporal")));
}

TEST_F(ConfigFileTest, NamesFileLineKeyAndTheNearestSpelling) {
  const Path verb = {"generate"};
  EXPECT_EQ(refusal(verb, "steps = 2\nstesp = 3\n"),
            "[c.toml, line 2] 'stesp' is no option of 'reel generate'; did you mean 'steps'?");
  EXPECT_EQ(
      refusal(verb, "sites = 3\n"),
      "[c.toml, line 1] 'sites' is no option of 'reel generate'; it is one of 'reel inspect': put it into a "
      "table [inspect]");
  EXPECT_EQ(refusal(verb, "[genrate]\nsteps = 3\n"),
            "[c.toml, line 1] the table [genrate] is not a verb of 'reel'; did you mean [generate]?");
  EXPECT_EQ(refusal(verb, "[graph.rum]\nseed = 3\n"),
            "[c.toml, line 1] the table [rum] is not a verb of 'reel graph'; did you mean [run]?");
  EXPECT_EQ(refusal(verb, "[graph.run]\nsede = 3\n"),
            "[c.toml, line 2] 'sede' is no option of 'reel graph run'; did you mean 'seed'?")
      << "tables of other verbs are looked at";
  EXPECT_EQ(refusal(verb, "prompt-blend = \"hold\"\nsynopsis_blend = \"hold\"\n"),
            "[c.toml, line 2] 'synopsis_blend' and 'prompt-blend' are one option; keep one of them");
  EXPECT_THAT(refusal(verb, "config = \"other.toml\"\n"),
              HasSubstr("'config' names a file on the command line only"));
  EXPECT_THAT(refusal(verb, "help = true\n"), HasSubstr("line 1] 'help' is no option"));
}

TEST_F(ConfigFileTest, OfSeveralFilesEachIsReadAndTheLaterWins) {
  write(folder_ / "a.toml", "steps = 2\nframes = 5\nedit = [\"one\", \"two\"]\n");
  write(folder_ / "b.toml", "steps = 3\nedit = \"three\"\n[generate]\nguidance = 4\n");
  Program program;
  program.parse(
      {"generate", "--config", folder_ / "a.toml", "--guidance", "5", "--config", folder_ / "b.toml"});
  const auto value = [&](const char* name) {
    return program.app.get_subcommand("generate")->get_option(name)->results();
  };
  EXPECT_EQ(value("--steps"), std::vector<std::string>{"3"});
  EXPECT_EQ(value("--frames"), std::vector<std::string>{"5"});
  EXPECT_EQ(value("--edit"), std::vector<std::string>{"three"});
  EXPECT_EQ(value("--guidance"), std::vector<std::string>{"5"});
  write(folder_ / "c.toml", "steps = 2\n");
  for (const char* first : {"absent.toml", "bad.toml"}) {
    write(folder_ / "bad.toml", "stesp = 2\n");
    const CommandResult result =
        reel_command(folder_, {"generate", "a", "--config", first, "--config", "c.toml"});
    EXPECT_EQ(result.code, 2);
    EXPECT_THAT(result.err, HasSubstr(first)) << "the first file counts, too";
  }
}

TEST_F(ConfigFileTest, TheProgramsOwnOptionsAreNoOptionsOfAFile) {
  EXPECT_EQ(refusal({"doctor"}, "version = true\n"),
            "[c.toml, line 1] 'version' counts on the command line only: reel --version; leave it out");
}

TEST_F(ConfigFileTest, RefusesValuesInTheWordsOfTheCommandLine) {
  const auto fault = [&](const std::string& text) { return refusal({"generate"}, text); };
  const std::string steps = "[c.toml, line 1] 'steps' must be an integer from 1 to 10000, got ";
  for (const char* value : {"0", "10001", "1.5", "4.0", "true", "\"4\"", "nan", "1e3"})
    EXPECT_THAT(fault(std::string("steps = ") + value), testing::StartsWith(steps)) << value;
  EXPECT_EQ(
      fault("seed = -1"),
      "[c.toml, line 1] 'seed' must be an integer from 0 to 2^64-1, got -1; leave it out for a random one");
  EXPECT_THAT(fault("seed = \"7\""), HasSubstr("must be an integer from 0 to 2^64-1, got \"7\""));
  EXPECT_THAT(fault("seed = 18446744073709551615"),
              AllOf(HasSubstr("must be TOML: "), HasSubstr("in quotes: seed = \"18446744073709551615\"")));
  EXPECT_EQ(fault("seed = \"18446744073709551615\""), "") << "beyond TOML's integers";
  EXPECT_EQ(fault("guidance = inf"),
            "[c.toml, line 1] 'guidance' must be a number from 0 to 100, got inf; see reel generate --help");
  EXPECT_EQ(fault("compare = 1"),
            "[c.toml, line 1] 'compare' must be true or false, got 1; see reel generate --help");
  EXPECT_EQ(fault("negative = 3"),
            "[c.toml, line 1] 'negative' must be a text, got 3; see reel generate --help");
  EXPECT_EQ(fault("edit = [\"a\", 3]"),
            "[c.toml, line 1] 'edit' must be a text or a list of texts, got 3; see reel generate --help");
  EXPECT_EQ(
      fault("steps = [1, 2]"),
      "[c.toml, line 1] 'steps' must be an integer from 1 to 10000, got 'a list'; see reel generate --help");
  EXPECT_THAT(fault("dtype = \"f23\""),
              HasSubstr("must be auto, f32, bf16 or f16, got f23; did you mean 'f32'?"));
  EXPECT_THAT(fault("negative = 2020-01-01"), HasSubstr("got a date or time"));
  EXPECT_EQ(fault("edit = [\"[a, b]\", \"c\"]"), "") << "brackets are part of a text";
}

TEST_F(ConfigFileTest, RefusesFilesThatAreNone) {
  const Path verb = {"doctor"};
  EXPECT_THAT(refusal(verb, "this is not toml ][\n"), HasSubstr("[c.toml, line 1] must be TOML: "));
  EXPECT_THAT(refusal(verb, "json = true\njson = true\n"), HasSubstr("[c.toml, line 2] must be TOML: "));
  EXPECT_THAT(refusal(verb, "quiet = 010\n"), HasSubstr("must be TOML: "));
  EXPECT_THAT(refusal(verb, std::string("json = \"a\0b\"", 12)), HasSubstr("must be TOML: "));
  EXPECT_THAT(refusal(verb, std::string(2 << 20, '#')), HasSubstr("at most 1 MiB"));
  EXPECT_EQ(refusal(verb, ""), "");
  for (const auto& [file, message] : std::vector<std::pair<std::string, std::string>>{
           {"absent.toml", "does not exist"}, {".", "must be a file"}, {"/dev/zero", "must be a file"}}) {
    const CommandResult result = reel_command(folder_, {"doctor", "--config", file});
    EXPECT_EQ(result.code, 2) << file;
    EXPECT_THAT(result.err, AllOf(HasSubstr("[--config]"), HasSubstr(message), HasSubstr(file)));
  }
  write(folder_ / "c.toml", "json = true\nquite = true\n");
  const CommandResult json = reel_command(folder_, {"doctor", "--json", "--config", "c.toml"});
  EXPECT_EQ(json.code, 2);
  EXPECT_THAT(json.out, HasSubstr("\"where\":\"c.toml, line 2\""));
}

TEST_F(ConfigFileTest, WhatAVerbDoesNotUseIsNamed) {
  const auto refused = [&](const std::vector<std::string>& words, const std::string& message) {
    const CommandResult result = reel_command(folder_, words);
    EXPECT_EQ(result.code, 2) << words[0];
    EXPECT_THAT(result.err, HasSubstr(message));
  };
  refused({"doctor", "--verbose"}, "'--verbose' does not apply to 'reel doctor'");
  refused({"graph", "show", "g.json", "--quiet"}, "'--quiet' does not apply to 'reel graph show'");
  refused({"replay", "a.mp4", "--seed", "3"}, "'--seed' does not apply to 'reel replay'");
  refused({"graph", "run", "g.json", "--model", "x"}, "'--model' does not apply to 'reel graph run'");
  refused({"models", "tokenize", "x", "--motion-adapter", "y"}, "'--motion-adapter' does not apply");
  for (const char* option : {"--model", "--device", "--dtype", "--scheduler"})
    refused({"eval", "world", "--truth", "--prompts", "1", option, "f32"}, "--truth runs none");
  refused({"inspect", "a", "-o", "a.safetensors", "--sites", "3"}, "[--sites]");
  refused({"generate", "a", "--skip-existing"}, "add --prompts");
}

}  // namespace reel::config_file_test
