#include "app/caption/chosen_captioner.h"

#include <filesystem>

#include "app/session/notes.h"
#include "app/session/plugins.h"
#include "pipeline/captioning/caption_model.h"
#include "pipeline/run_warnings.h"

namespace reel::app {

ChosenCaptioner choose_captioner(const CommonOptions& common) {
  const std::string path = models::find_model(common.model, models::model_search_path(common.models_dirs));
  const auto folder = std::make_shared<const models::ModelFolder>(models::ModelFolder::open(path));
  pipeline::require_captioner(*folder);
  return {folder, std::filesystem::canonical(path).filename().string()};
}

attention::EditPlan captioner_edits(const CommonOptions& common, const std::vector<std::string>& edits,
                                    const pipeline::Folder& folder, pipeline::ModelCache& models,
                                    std::set<std::string>& warned) {
  attention::EditPlan plan;
  for (const std::string& edit : edits) {
    plan.push_back(plugins().edits.parse(edit));
    attention::refuse_unserved(plan.back(), {}, "a captioner");
  }
  if (plan.empty()) return plan;
  for (const std::string& warning :
       pipeline::edit_warnings(plan, models.sites(pipeline::CaptionerHandle{.folder = folder}), {})) {
    if (warned.insert(warning).second) warn(common, warning);
  }
  return plan;
}

}  // namespace reel::app
