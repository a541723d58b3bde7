#include "models/pipelines/support/component_index.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace reel::models {
namespace {

// Files are anybody's: a message names a few of their entries, and the beginning of each.
constexpr size_t kMostProblems = 10, kMostNames = 4, kMostText = 60;

std::string shortened(const std::string& text) {
  return text.size() <= kMostText ? text : text.substr(0, kMostText - 3) + "...";
}

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i)
    list += (i ? ", '" : "'") + shortened(names[i]) + "'";
  return list + (names.size() > kMostNames ? ", ..." : "");
}

}  // namespace

ComponentIndex ComponentIndex::of(const Config& file) {
  ComponentIndex index;
  const nlohmann::json all = nlohmann::json::parse(file.json());
  for (const auto& [name, value] : all.items()) {
    // Other values than lists belong to the pipeline's own configuration: "requires_safety_checker": false.
    if (name.starts_with("_") || !value.is_array()) continue;
    index.lists_any = true;
    const bool pair = value.size() == 2;
    if (pair && value[1].is_null()) continue;
    if (pair && value[0].is_string() && value[1].is_string()) {
      index.classes[shortened(name)] = shortened(value[1].get<std::string>());
      continue;
    }
    if (index.problems.size() == kMostProblems) continue;
    index.problems.push_back("must name the library and class of '" + shortened(name) +
                             "' in model_index.json, got " +
                             shortened(value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)));
  }
  return index;
}

ComponentIndex ComponentIndex::of_folder(const std::string& folder) {
  const std::string file = folder + "/model_index.json";
  return std::filesystem::is_regular_file(file) ? of(Config::read(file)) : ComponentIndex();
}

std::string ComponentIndex::problem_with(const std::string& name, const std::vector<std::string>& found,
                                         const std::string& file) const {
  if (!lists_any) return "";
  const auto stated = classes.find(name);
  if (stated == classes.end()) return "lists no " + name + " in model_index.json; fetch that file again";
  if (found.empty() || std::find(found.begin(), found.end(), stated->second) != found.end()) return "";
  return "has a " + name + " of class '" + stated->second + "' by model_index.json, but of " + listed(found) +
         " by " + file + "; fetch both files again, from one place";
}

std::vector<std::string> stated_classes(const Config& component) {
  if (const std::string name = component.text("_class_name", ""); !name.empty()) return {name};
  if (component.is_list("architectures")) return component.texts("architectures", {});
  return {};
}

}  // namespace reel::models
