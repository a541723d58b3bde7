// Reading a scheduler's settings: from the model's file, unless the user overrides them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guidance/scheduler.h"

namespace reel::guidance {

/// An option whose text is "config" (the default: keep what the file says) or one of `choices`.
Param config_param(const std::string& name, const std::string& help, std::vector<std::string> choices);

/// A value as the file spells it and as the option does; the latter is empty where no option can choose it.
struct Spelling {
  std::string in_file, in_option;
};

/// One of `known`, in the file's spelling: the option `option` if it is set, otherwise `key` of the file, and
/// `absent` if the file lacks it.
/// Throws: std::runtime_error, with the nearest spelling, for an unknown value in the file.
std::string read_choice(const models::Config& config, const std::string& key, const std::string& absent,
                        const std::vector<Spelling>& known, const ParamValues& options = {},
                        const std::string& option = "");

/// A flag of the file, unless the option says "true" or "false".
bool read_flag(const models::Config& config, const std::string& key, bool absent,
               const ParamValues& options = {}, const std::string& option = "");

/// An option whose text is "config" (the default) or a number.
Param config_number_param(const std::string& name, const std::string& help);

/// A number of the file, unless the option `option` is one. Throws: std::runtime_error unless it lies in
/// [low, high]; std::invalid_argument for the option.
double read_number(const models::Config& config, const std::string& key, double absent, double low,
                   double high, const ParamValues& options = {}, const std::string& option = "");

/// Registers a scheduler whose constructor may rely on one checked value for every option of `spec`.
using MakeScheduler =
    std::function<std::unique_ptr<Scheduler>(const models::Config&, int, const ParamValues&)>;
void add_scheduler(SchedulerRegistry& registry, Spec spec, std::vector<std::string> diffusers_classes,
                   MakeScheduler make);

}  // namespace reel::guidance
