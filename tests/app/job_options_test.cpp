// The command line and job lists read every job option alike.
#include "app/job_options.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "pipeline/jobs/option_reader.h"
#include "pipeline/jobs/option_table.h"
#include "tests/support/command.h"

namespace reel::job_options_test {

using nlohmann::json;
using pipeline::GenerateOptions;
using pipeline::InLists;
using pipeline::JobOption;
using pipeline::OnCommandLine;
using testing::HasSubstr;

/// A value for an option, other than its default.
struct Sample {
  const JobOption& option;

  json operator()(std::string GenerateOptions::*) const {
    return option.choices.empty() ? "some " + option.name : option.choices.back();
  }
  json operator()(std::vector<std::string> GenerateOptions::*) const {
    return json::array({"one", "two: a, b"});
  }
  json operator()(bool GenerateOptions::*) const { return true; }
  json operator()(int64_t GenerateOptions::*) const { return whole(); }
  json operator()(std::optional<int64_t> GenerateOptions::*) const { return whole(); }
  json operator()(std::optional<double> GenerateOptions::*) const { return option.range->low + 0.375; }
  json operator()(std::optional<uint64_t> GenerateOptions::*) const { return UINT64_MAX; }

 private:
  int64_t whole() const { return option.range ? static_cast<int64_t>(option.range->high) : 3; }
};

json sample_of(const JobOption& option) { return std::visit(Sample{option}, option.member); }

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// The words of a command line that give an option this value.
std::vector<std::string> words_of(const JobOption& option, const json& value) {
  if (option.on_command_line == OnCommandLine::kPositional) return {text_of(value)};
  if (value.is_boolean()) return {"--" + option.name};
  std::vector<std::string> words;
  for (const json& entry : value.is_array() ? value : json::array({value}))
    words.insert(words.end(), {"--" + option.name, text_of(entry)});
  return words;
}

GenerateOptions from_command_line(std::vector<std::string> words) {
  GenerateOptions options;
  CLI::App app;
  app::add_job_options(app, options);
  std::ranges::reverse(words);  // as CLI11 wants them
  app.parse(words);
  return options;
}

GenerateOptions from_line(const json& line) {
  GenerateOptions options;
  pipeline::read_options("line 1", line.dump(), options);
  return options;
}

TEST(JobOptionsTest, ALineWithEveryOptionEqualsTheCommandLine) {
  json line;
  std::vector<std::string> words;
  for (const JobOption& option : pipeline::job_options()) {
    if (option.on_command_line == OnCommandLine::kShared || option.in_lists == InLists::kNo) continue;
    line[option.name] = sample_of(option);
    for (const std::string& word : words_of(option, sample_of(option))) words.push_back(word);
  }
  EXPECT_EQ(from_command_line(words), from_line(line));
}

TEST(JobOptionsTest, EachOptionAloneChangesTheOptionsInTheSameWay) {
  for (const JobOption& option : pipeline::job_options()) {
    if (option.in_lists == InLists::kNo) {
      EXPECT_THROW(from_line({{option.name, sample_of(option)}}), std::invalid_argument) << option.name;
      EXPECT_NE(from_command_line(words_of(option, sample_of(option))), GenerateOptions{}) << option.name;
      continue;
    }
    const GenerateOptions read = from_line({{option.name, sample_of(option)}});
    EXPECT_NE(read, GenerateOptions{}) << option.name;
    if (option.on_command_line == OnCommandLine::kShared) continue;
    EXPECT_EQ(from_command_line(words_of(option, sample_of(option))), read) << option.name;
  }
}

TEST(JobOptionsTest, BothRefuseWhatLiesOutsideARange) {
  for (const JobOption& option : pipeline::job_options()) {
    if (!option.range) continue;
    const json beyond = static_cast<int64_t>(option.range->high) + 1;
    EXPECT_THROW(from_command_line(words_of(option, beyond)), std::invalid_argument) << option.name;
    EXPECT_THROW(from_line({{option.name, beyond}}), std::invalid_argument) << option.name;
  }
  EXPECT_THROW(from_command_line({"--frames", "4.7"}), std::invalid_argument);
}

TEST(JobOptionsTest, HelpShowsEveryOptionWithItsText) {
  const TemporaryFolder folder;
  std::string help = reel_command(folder, {"generate", "--help"}).out;
  for (const JobOption& option : pipeline::job_options()) {
    const bool positional = option.on_command_line == OnCommandLine::kPositional;
    EXPECT_THAT(help, HasSubstr(positional ? "prompt TEXT" : "--" + option.name));
    EXPECT_THAT(help, HasSubstr(option.help));
    for (const std::string& alias : option.aliases)
      EXPECT_THAT(help, HasSubstr((alias.size() == 1 ? "-" : "--") + alias));
  }
}

}  // namespace reel::job_options_test
