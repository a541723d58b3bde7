#include "pipeline/run_warnings.h"

#include "attention/plugin/dry_run.h"

namespace reel::pipeline {
namespace {

bool far(int64_t side, int64_t trained) { return side > 2 * trained || 2 * side < trained; }

std::string size_text(int64_t width, int64_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

}  // namespace

std::vector<std::string> model_warnings(const models::ModelFolder& model, const models::Extent& size) {
  std::vector<std::string> warnings;
  if (!model.scheduler_in_index.empty()) {
    warnings.push_back("[" + model.path + "] has a scheduler of class " + model.scheduler_in_index +
                       " by model_index.json and " + model.scheduler.text("_class_name", "another") +
                       " by scheduler/scheduler_config.json; the latter counts");
  }
  for (const std::string& component : model.unused)
    warnings.push_back("[" + model.path + "] has a " + component + ", which has no effect here");
  const models::GenerationDefaults& trained = model.defaults;
  if (far(size.width, trained.width) || far(size.height, trained.height)) {
    warnings.push_back("[size] " + size_text(size.width, size.height) + " is far from the " +
                       size_text(trained.width, trained.height) +
                       " that the model is made for; expect repeated or broken shapes");
  }
  return warnings;
}

std::vector<std::string> edit_warnings(const attention::EditPlan& edits,
                                       const std::vector<attention::Site>& sites,
                                       const attention::RunShape& run) {
  attention::dry_run(edits, sites);  // refuses heads that a layer lacks
  std::vector<std::string> warnings;
  for (const attention::EditRule& edit : edits) {
    if (const auto misfit = attention::misfit_of(edit, sites, run))
      warnings.push_back(attention::described(edit, *misfit) +
                         "; `reel generate - --edit tap --dry-run` lists the layers");
  }
  return warnings;
}

}  // namespace reel::pipeline
