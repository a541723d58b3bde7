#include "pipeline/media/output_target.h"

#include <filesystem>

#include "models/files/output/part_folder.h"
#include "models/files/part_file.h"

namespace reel::media {
namespace fs = std::filesystem;

models::Belongs names_of(const OutputPlan& plan) {
  return [pattern = *plan.pattern](const std::string& name) { return pattern.matches(name); };
}

void check_targets(const OutputPlan& plan) {
  if (!plan.pattern) return models::check_target(plan.path, plan.overwrite);
  models::check_folder(plan.path);
  models::undo_left_overs(plan.path, names_of(plan));
  if (plan.overwrite) return;
  const fs::path folder = fs::path(plan.path).parent_path();
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.empty() ? "." : folder, error)) {
    const std::string name = entry.path().filename().string();
    if (plan.pattern->matches(name)) models::refuse_existing(plan.path, name);
  }
}

bool is_there(const std::string& path, int64_t frames) {
  std::error_code ignored;
  const fs::path whole(path);
  const auto pattern = pattern_of(path);
  if (!pattern) return fs::is_regular_file(whole, ignored);
  for (int64_t i = 1; i <= frames; ++i) {
    if (!fs::is_regular_file(whole.parent_path() / pattern->name(i), ignored)) return false;
  }
  return true;
}

}  // namespace reel::media
