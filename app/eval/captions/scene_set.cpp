#include "app/eval/captions/scene_set.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "models/files/part_file.h"
#include "models/model_folder.h"
#include "pipeline/evaluation/still_scenes/still_render.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTruth = "truth.jsonl";

}  // namespace

SceneSet::SceneSet(const CaptionEvalOptions& options)
    : options_(options),
      still_(world::load_still_world(options.world == "emoji" ? models::assets_folder() + "/world"
                                                              : options.world)) {
  world::Dice dice(*options.common.seed);
  for (int i = 0; i < options.scenes; ++i)
    scenes_.push_back(world::sample_still(still_, dice, options.broken));
  if (options.save.empty()) return;
  fs::create_directories(options.save);
  for (size_t s = 0; s < scenes_.size(); ++s)
    models::check_target((fs::path(options.save) / name(s)).string(), options.overwrite);
  models::check_target((fs::path(options.save) / kTruth).string(), options.overwrite);
}

std::string SceneSet::name(size_t scene) const {
  static const char* const ending = media::output_formats().contains("png") ? "png" : "y4m";
  char text[40];
  std::snprintf(text, sizeof text, "%04zu.%s", scene + 1, ending);
  return text;
}

at::Tensor SceneSet::picture(size_t scene) const {
  world::Dice dice(~(*options_.common.seed + scene));  // another stream than that of the scenes
  return world::still_picture(still_, scenes_.at(scene), dice);
}

std::set<std::string> SceneSet::drawn(size_t scene) const {
  std::set<std::string> names;
  for (const world::StillKind& kind : scenes_.at(scene).drawn) names.insert(still_.name(kind.object));
  return names;
}

std::set<std::string> SceneSet::missing(size_t scene) const {
  std::set<std::string> names;
  for (const int object : scenes_.at(scene).missing) names.insert(still_.name(object));
  return names;
}

void SceneSet::save() const {
  if (options_.save.empty()) return;
  std::string truth;
  for (size_t s = 0; s < scenes_.size(); ++s) {
    const world::StillScene& scene = scenes_[s];
    media::write_video((fs::path(options_.save) / name(s)).string(),
                       {picture(s).unsqueeze(0), still_.world.fps},
                       {.overwrite = options_.overwrite, .frames = 1});
    nlohmann::ordered_json line = {{"image", name(s)},
                                   {"objects", drawn(s)},
                                   {"missing", missing(s)},
                                   {"background", still_.world.backgrounds[scene.background].name},
                                   {"description", world::description_of(still_, scene)},
                                   {"murk", std::round(scene.murk * 1000) / 1000}};
    truth += line.dump() + "\n";
  }
  save_text(kTruth, truth);
}

void SceneSet::save_text(const std::string& name, const std::string& text) const {
  if (options_.save.empty()) return;
  models::PartFile file((fs::path(options_.save) / name).string(), options_.overwrite);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace reel::app
