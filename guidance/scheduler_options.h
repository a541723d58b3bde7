// Reading a scheduler's settings: the value of the model's file, unless the user overrides it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guidance/scheduler.h"

namespace reel::guidance {

/// An option whose value is "config" (the default: keep what the file says) or one of `choices`.
Param config_param(const std::string& name, const std::string& help, std::vector<std::string> choices);

/// One value in two spellings: that of the file and that of the option. `in_option` is empty if no option can
/// choose it.
struct Spelling {
  std::string in_file, in_option;
};

/// Returns one of `known` in the file's spelling: the option `option` if it is set, otherwise the file's
/// `key`, otherwise `absent`.
/// Throws: std::runtime_error, with the nearest spelling, for an unknown value in the file.
std::string read_choice(const models::Config& config, const std::string& key, const std::string& absent,
                        const std::vector<Spelling>& known, const ParamValues& options = {},
                        const std::string& option = "");

/// The flag `key` of the file, or `absent` if it has none; the option wins if it is "true" or "false".
bool read_flag(const models::Config& config, const std::string& key, bool absent,
               const ParamValues& options = {}, const std::string& option = "");

/// An option whose value is "config" (the default) or a number.
Param config_number_param(const std::string& name, const std::string& help);

/// The number `key` of the file, or `absent` if it has none; the option `option` wins if it is a number.
/// Throws: unless the number lies in [low, high]; std::runtime_error if it is the file's,
/// std::invalid_argument if it is the option's.
double read_number(const models::Config& config, const std::string& key, double absent, double low,
                   double high, const ParamValues& options = {}, const std::string& option = "");

using MakeScheduler =
    std::function<std::unique_ptr<Scheduler>(const models::Config&, int, const ParamValues&)>;

/// Registers a scheduler. `make` gets one checked value for every option of `spec`.
void add_scheduler(SchedulerRegistry& registry, Spec spec, std::vector<std::string> diffusers_classes,
                   MakeScheduler make);

}  // namespace reel::guidance
