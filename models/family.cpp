#include "models/family.h"

namespace reel::models {

Checkpoint open_checkpoint(const ComponentFiles& files) {
  Checkpoint checkpoint = Checkpoint::open(files.folder);
  if (files.prefix.empty()) return checkpoint;
  checkpoint.rename([&files](const std::string& name) {
    return name.starts_with(files.prefix) ? name.substr(files.prefix.size()) : "";
  });
  return checkpoint;
}

std::vector<Checkpoint> open_checkpoints(const ComponentFiles& files) {
  std::vector<Checkpoint> all = {open_checkpoint(files)};
  if (!files.adapter.empty()) all.push_back(Checkpoint::open(files.adapter));
  if (!files.tower.empty()) all.push_back(Checkpoint::open(files.tower));
  return all;
}

const FamilyEntry& FamilyRegistry::of(const Config& config) const {
  std::vector<std::string> stated = {config.text("_class_name", "")};
  if (config.is_list("architectures")) stated = config.texts("architectures", {});
  stated.push_back(config.text("model_type", ""));
  std::vector<std::string> known;
  for (const FamilyEntry& entry : *this) {
    for (const std::string& name : entry.class_names) {
      if (std::find(stated.begin(), stated.end(), name) != stated.end()) return entry;
      known.push_back(name);
    }
  }
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  throw std::runtime_error("[" + config.place() + "] states the class '" + stated.front() +
                           "', which is not supported; " + "supported are " + list);
}

}  // namespace reel::models
