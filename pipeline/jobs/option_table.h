// The one table of job options. The command line, job lists and recipes are made from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "attention/plugin/value_rule.h"
#include "pipeline/jobs/generate_options.h"

namespace reel::pipeline {

/// The member of GenerateOptions that an option sets. Its type is the option's type: a text, texts (repeatable), a
/// flag, an integer, a number, or a seed (0 to 2^64 - 1). An optional one stays empty if the user says nothing.
using OptionMember =
    std::variant<std::string GenerateOptions::*, std::vector<std::string> GenerateOptions::*,
                 bool GenerateOptions::*, int64_t GenerateOptions::*,
                 std::optional<int64_t> GenerateOptions::*, std::optional<double> GenerateOptions::*,
                 std::optional<uint64_t> GenerateOptions::*>;

/// How the command line of `reel generate` takes an option.
enum class OnCommandLine {
  kNamed,       // --name
  kPositional,  // a word without a name
  kShared,      // --name, declared for all verbs that run a model
};

/// Whether a line of a job list may set an option. A list can be somebody else's: what replaces files of the user
/// counts on the command line only.
enum class InLists { kNo, kYes };

/// Whether a recipe stores the resolved value of an option under its name, with underscores.
enum class InRecipe { kNo, kYes };

struct JobOption {
  std::string name;  // as it is typed, without dashes: prompt-at
  OptionMember member;
  std::string help;
  std::optional<Range> range = std::nullopt;  // of integers and numbers
  std::vector<std::string> choices = {};      // legal texts; empty: any
  std::vector<std::string> aliases = {};      // further names; one letter: -o
  InRecipe in_recipe = InRecipe::kNo;
  OnCommandLine on_command_line = OnCommandLine::kNamed;
  InLists in_lists = InLists::kYes;
  bool may_be_empty = false;  // an empty text is a value
};

/// All job options, in the order of the help text.
const std::vector<JobOption>& job_options();

/// The option of that name or alias, written with dashes or underscores; nullptr if there is none.
const JobOption* find_job_option(std::string_view name);

/// What a value of the option must be.
ValueRule rule_of(const JobOption& option);

}  // namespace reel::pipeline
