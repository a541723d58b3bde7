#include "guidance/scheduler.h"

namespace reel::guidance {
namespace {

/// The entry for the `_class_name` that the model's folder names.
const SchedulerEntry& folder_entry(const SchedulerRegistry& registry, const models::Config& config) {
  const std::string wanted = config.text("_class_name", "");
  if (wanted.empty()) {
    throw std::runtime_error(
        "[" + config.place() +
        "] must name a scheduler in '_class_name', got none; choose one with --scheduler");
  }
  std::vector<std::string> known;
  for (const SchedulerEntry& entry : registry) {
    for (const std::string& name : entry.diffusers_classes) {
      if (name == wanted) return entry;
      known.push_back(name);
    }
  }
  std::string message =
      "[" + config.place() + "] '_class_name' must be a known scheduler, got '" + wanted + "'; ";
  if (const std::string near = nearest_name(wanted, known); !near.empty())
    message += "did you mean '" + near + "'? ";
  message += "Choose one with --scheduler:";
  for (const std::string& name : registry.names()) message += " " + name;
  throw std::runtime_error(message);
}

}  // namespace

void require_known_class(const SchedulerRegistry& registry, const std::string& name,
                         const std::string& folder) {
  if (name.empty()) return;
  std::string known;
  for (const SchedulerEntry& entry : registry) {
    for (const std::string& one : entry.diffusers_classes) {
      if (one == name) return;
      known += (known.empty() ? "" : ", ") + one;
    }
  }
  throw std::runtime_error("[" + folder + "] has a scheduler of class '" + name +
                           "' by model_index.json, which is not supported, and another one by "
                           "scheduler/scheduler_config.json; correct model_index.json, supported are " +
                           known);
}

std::unique_ptr<Scheduler> make_scheduler(const SchedulerRegistry& registry, const models::Config& config,
                                          const std::string& choice, int steps) {
  if (choice.empty()) {
    const SchedulerEntry& entry = folder_entry(registry, config);
    return entry.make(config, steps, parse_options(entry.spec, ""));
  }
  const size_t colon = choice.find(':');
  // `:karras=true`: options of the folder's own scheduler.
  const SchedulerEntry& entry =
      colon == 0 ? folder_entry(registry, config) : registry.get("scheduler", choice.substr(0, colon));
  const std::string options = colon == std::string::npos ? "" : choice.substr(colon + 1);
  return entry.make(config, steps, parse_options(entry.spec, options));
}

}  // namespace reel::guidance
