#include "app/job_options.h"

#include <algorithm>

#include "pipeline/jobs/option_table.h"

namespace reel::app {
namespace {

using pipeline::GenerateOptions;
using pipeline::JobOption;
using pipeline::OnCommandLine;

/// All names as CLI11 takes them: `-o,--output`, `--prompt-blend,--synopsis-blend`, `prompt`.
std::string names_of(const JobOption& option) {
  if (option.on_command_line == OnCommandLine::kPositional) return option.name;
  std::string names = "--" + option.name;
  for (const std::string& alias : option.aliases)
    names = alias.size() == 1 ? "-" + alias + "," + names : names + ",--" + alias;
  return names;
}

/// Declares an option by the type of its member.
struct Declare {
  CLI::App& verb;
  const JobOption& option;
  GenerateOptions& options;

  void operator()(bool GenerateOptions::*member) const {
    verb.add_flag(names_of(option), options.*member, option.help);
  }
  void operator()(std::vector<std::string> GenerateOptions::*member) const {
    verb.add_option(names_of(option), options.*member, option.help)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  void operator()(std::string GenerateOptions::*member) const {
    CLI::Option* declared = verb.add_option(names_of(option), options.*member, option.help);
    if (option.choices.empty()) return;
    declared->check(CLI::IsMember(option.choices))->capture_default_str();
  }
  void operator()(int64_t GenerateOptions::*member) const {
    CLI::Option* declared = verb.add_option(names_of(option), options.*member, option.help);
    check_integer(declared);
    // A default outside the range means "as the program decides", and is not shown.
    const auto value = static_cast<double>(options.*member);
    if (!option.range || (value >= option.range->low && value <= option.range->high))
      declared->capture_default_str();
  }
  void operator()(std::optional<int64_t> GenerateOptions::*member) const {
    check_integer(verb.add_option(names_of(option), options.*member, option.help));
  }
  void operator()(std::optional<double> GenerateOptions::*member) const {
    CLI::Option* declared = verb.add_option(names_of(option), options.*member, option.help);
    if (option.range) declared->check(CLI::Range(option.range->low, option.range->high));
  }
  void operator()(std::optional<uint64_t> GenerateOptions::*member) const {
    verb.add_option(names_of(option), options.*member, option.help);
  }

 private:
  void check_integer(CLI::Option* declared) const {
    if (option.range)
      declared->check(CLI::Range(static_cast<int>(option.range->low), static_cast<int>(option.range->high)));
  }
};

}  // namespace

void add_job_options(CLI::App& verb, GenerateOptions& options) {
  for (const JobOption& option : pipeline::job_options()) {
    if (option.on_command_line != OnCommandLine::kShared)
      std::visit(Declare{verb, option, options}, option.member);
  }
}

}  // namespace reel::app
