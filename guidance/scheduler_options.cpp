#include "guidance/scheduler_options.h"

#include <stdexcept>
#include <utility>

namespace reel::guidance {
namespace {

/// The text of the option, or "" if the value of the file stays.
std::string overriding(const ParamValues& options, const std::string& option) {
  const auto found = options.find(option);
  if (found == options.end()) return "";
  const std::string text = to_text(found->second);
  return text == "config" ? "" : text;
}

}  // namespace

Param config_param(const std::string& name, const std::string& help, std::vector<std::string> choices) {
  choices.insert(choices.begin(), "config");
  return {name, help + "; config: as the model's folder says", std::string("config"), std::nullopt,
          std::move(choices)};
}

std::string read_choice(const models::Config& config, const std::string& key, const std::string& absent,
                        const std::vector<Spelling>& known, const ParamValues& options,
                        const std::string& option) {
  const std::string chosen = overriding(options, option);
  const std::string text = chosen.empty() ? config.text(key, absent) : chosen;
  std::vector<std::string> spellings;
  for (const Spelling& spelling : known) {
    if ((chosen.empty() ? spelling.in_file : spelling.in_option) == text) return spelling.in_file;
    spellings.push_back(spelling.in_file);
  }
  const std::string near = nearest_name(text, spellings);
  std::string all;
  for (const std::string& spelling : spellings) all += (all.empty() ? "" : "|") + spelling;
  throw std::runtime_error(
      "[" + config.place() + "] " + "'" + key + "' must be one of " + all + ", got '" + text + "'; " +
      (near.empty() ? "correct the file or choose another scheduler" : "did you mean '" + near + "'?"));
}

bool read_flag(const models::Config& config, const std::string& key, bool absent, const ParamValues& options,
               const std::string& option) {
  const std::string chosen = overriding(options, option);
  return chosen.empty() ? config.flag(key, absent) : chosen == "true";
}

Param config_number_param(const std::string& name, const std::string& help) {
  return {name, help + "; config: as the model's folder says", std::string("config")};
}

double read_number(const models::Config& config, const std::string& key, double absent, double low,
                   double high, const ParamValues& options, const std::string& option) {
  if (const std::string chosen = overriding(options, option); !chosen.empty()) {
    const Param number{option, "", absent, Range{low, high}};
    return std::get<double>(parse_param("scheduler", number, chosen));
  }
  const double value = config.number(key, absent);
  if (!(value >= low && value <= high)) {
    throw std::runtime_error("[" + config.place() + "] " + "'" + key + "' must lie in " + to_text(low) +
                             " to " + to_text(high) + ", got " + to_text(value) +
                             "; correct the file or fetch it again");
  }
  return value;
}

void add_scheduler(SchedulerRegistry& registry, Spec spec, std::vector<std::string> diffusers_classes,
                   MakeScheduler make) {
  auto completed = [spec, make = std::move(make)](const models::Config& config, int steps,
                                                  const ParamValues& options) {
    return make(config, steps, complete_options(spec, options));
  };
  registry.add({std::move(spec), std::move(diffusers_classes), std::move(completed)});
}

}  // namespace reel::guidance
