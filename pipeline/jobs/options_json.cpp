#include "pipeline/jobs/options_json.h"

#include <algorithm>

#include "pipeline/jobs/option_table.h"

namespace reel::pipeline {
namespace {

using nlohmann::json;

template <class T>
json as_json(const T& value) {
  return value;
}

/// An option that was left out and has no default.
template <class T>
json as_json(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

}  // namespace

json options_json(const GenerateJob& job, const JobPlace& place) {
  json stages = json::array();
  for (const guidance::PromptKey& stage : job.stages)
    stages.push_back({{"frame", stage.frame}, {"text", stage.text}});
  json options = {{"synopsis", stages},
                  {"width", job.width},
                  {"height", job.height},
                  {"device", place.device},
                  {"dtype", place.dtype}};
  for (const JobOption& option : job_options()) {
    if (option.in_recipe == InRecipe::kNo) continue;
    std::string name = option.name;
    std::ranges::replace(name, '-', '_');
    std::visit([&](auto member) { options[name] = as_json(job.options.*member); }, option.member);
  }
  return options;
}

}  // namespace reel::pipeline
