#include "app/job_options.h"

#include "app/session/options/value_option.h"
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

  CLI::Option* operator()(bool GenerateOptions::*member) const {
    return add_switch(verb, names_of(option), options.*member, option.help);
  }
  CLI::Option* operator()(std::vector<std::string> GenerateOptions::*member) const {
    return add_texts(verb, names_of(option), options.*member, option.help);
  }
  CLI::Option* operator()(std::string GenerateOptions::*member) const {
    if (!option.choices.empty()) return value(options.*member);
    CLI::Option* text = verb.add_option(names_of(option), options.*member, option.help);
    return option.may_be_empty ? may_be_empty(text) : text;
  }
  template <class T>
  CLI::Option* operator()(T GenerateOptions::*member) const {
    return value(options.*member);
  }

 private:
  template <class T>
  CLI::Option* value(T& target) const {
    return add_value(verb, names_of(option), target, option.help, rule_of(option));
  }
};

}  // namespace

void add_job_options(CLI::App& verb, GenerateOptions& options) {
  for (const JobOption& option : pipeline::job_options()) {
    if (option.on_command_line != OnCommandLine::kShared)
      std::visit(Declare{verb, option, options}, option.member);
  }
}

CLI::Option* add_job_option(CLI::App& verb, GenerateOptions& options, std::string_view name) {
  const JobOption* option = pipeline::find_job_option(name);
  if (!option) throw std::logic_error("the job option '" + std::string(name) + "' is not in the table");
  return std::visit(Declare{verb, *option, options}, option->member);
}

}  // namespace reel::app
