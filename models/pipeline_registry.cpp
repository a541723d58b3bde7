#include "models/pipeline_registry.h"

#include <algorithm>

namespace reel::models {

const PipelineEntry& PipelineRegistry::of(const Config& index) const {
  const std::string stated = index.text("_class_name", "");
  std::string list;
  for (const PipelineEntry& entry : *this) {
    for (const std::string& name : entry.class_names) {
      if (name == stated) return entry;
      list += (list.empty() ? "" : ", ") + name;
    }
  }
  throw std::runtime_error("[" + index.place() + "] states the class '" + stated +
                           "', which is not supported; supported are " + list);
}

const PipelineEntry* PipelineRegistry::recognising(const std::string& folder) const {
  const auto found = std::find_if(begin(), end(), [&](const PipelineEntry& entry) {
    return entry.recognises && entry.recognises(folder);
  });
  return found == end() ? nullptr : &*found;
}

const PipelineRegistry& known_pipelines() {
  static const PipelineRegistry registry = [] {
    PipelineRegistry all;
    register_pipelines(all);
    return all;
  }();
  return registry;
}

}  // namespace reel::models
