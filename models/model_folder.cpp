#include "models/model_folder.h"

#include <unistd.h>

#include <climits>
#include <sstream>

#include "models/lvdm_folder.h"

namespace reel::models {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMaxSide = 16'384;  // of a picture

std::string component(const std::string& root, const std::string& name) {
  const fs::path folder = fs::path(root) / name;
  return fs::is_regular_file(folder / "config.json") ? folder.string() : "";
}

ComponentFiles files_of(const std::string& folder) {
  ComponentFiles files;
  files.folder = folder;
  if (!folder.empty()) files.config = Config::read(folder + "/config.json");
  return files;
}

double read_rate(const Config& config, const std::string& key, double absent) {
  const double rate = config.number(key, absent);
  if (rate < 0.01 || rate > 1000) {
    throw std::runtime_error("[" + config.place() + "] '" + key + "' must lie in 0.01 to 1000, got " +
                             std::to_string(rate) + "; correct the file or fetch it again");
  }
  return rate;
}

void override_defaults(GenerationDefaults& defaults, const Config& config) {
  defaults.width = config.bounded("width", defaults.width, 1, kMaxSide);
  defaults.height = config.bounded("height", defaults.height, 1, kMaxSide);
  defaults.num_frames = config.bounded("num_frames", defaults.num_frames, 1, 4096);
  defaults.num_inference_steps =
      config.bounded("num_inference_steps", defaults.num_inference_steps, 1, 10'000);
  defaults.guidance_scale = config.number("guidance_scale", defaults.guidance_scale);
  defaults.guidance_rescale = config.number("guidance_rescale", defaults.guidance_rescale);
  defaults.fps = read_rate(config, "fps", defaults.fps);
  if (config.has("fps_condition")) defaults.fps_condition = read_rate(config, "fps_condition", 0);
}

/// Pixels per latent cell.
int64_t latent_factor_of(const Config& vae) {
  const auto channels = vae.integers("block_out_channels", {64});
  return int64_t{1} << (std::clamp<size_t>(channels.size(), 1, 16) - 1);
}

[[noreturn]] void refuse_adapter(const std::string& path) {
  throw std::invalid_argument("[" + path +
                              "] already has motion modules in its unet; leave the motion adapter out");
}

/// Adds what all layouts share: a tokenizer, latent sizes, and the defaults of generation_config.json.
ModelFolder completed(ModelFolder model) {
  model.text_encoder.tokenizer = model.path + "/tokenizer";
  if (!fs::is_directory(model.text_encoder.tokenizer)) {
    throw std::runtime_error("[" + model.path +
                             "] has no tokenizer folder; fetch tokenizer/ (vocab.json and merges.txt) too");
  }
  model.latent_factor = latent_factor_of(model.vae.config);
  model.latent_channels = model.vae.config.bounded("latent_channels", 4, 1, 4096);
  const std::string generation = model.path + "/generation_config.json";
  if (fs::is_regular_file(generation)) {
    const Config config = Config::read(generation);
    override_defaults(model.defaults, config);
    model.prompt_words = config.texts("prompt_words", {});
  }
  return model;
}

}  // namespace

ModelFolder ModelFolder::open(const std::string& path, const std::string& motion_adapter) {
  ModelFolder model;
  model.path = path;
  if (!fs::is_directory(path)) {
    throw std::runtime_error("[" + path + "] is not a model folder; name one with model_index.json in it");
  }
  const std::string index_file = path + "/model_index.json";
  if (!fs::is_regular_file(index_file)) {
    if (read_lvdm_folder(model)) {
      if (!motion_adapter.empty()) refuse_adapter(path);
      return completed(std::move(model));
    }
    throw std::runtime_error("[" + path +
                             "] has no model_index.json; name the folder that holds unet, vae, text_encoder, "
                             "tokenizer and scheduler");
  }
  const Config index = Config::read(index_file);
  model.pipeline_class = index.text("_class_name", "");
  for (const auto& [name, target] :
       {std::pair{"unet", &model.denoiser}, {"vae", &model.vae}, {"text_encoder", &model.text_encoder}}) {
    *target = files_of(component(path, name));
    if (target->folder.empty()) {
      throw std::runtime_error("[" + path + "] has no " + name + "/config.json; a " +
                               (model.pipeline_class.empty() ? "text-to-video model" : model.pipeline_class) +
                               " needs it");
    }
  }
  const std::string scheduler = path + "/scheduler/scheduler_config.json";
  if (!fs::is_regular_file(scheduler)) {
    throw std::runtime_error("[" + path + "] has no scheduler/scheduler_config.json; fetch it too");
  }
  model.scheduler = Config::read(scheduler);

  if (model.denoiser.config.text("_class_name", "") == "UNet2DConditionModel") {
    model.denoiser.adapter = motion_adapter.empty() ? component(path, "motion_adapter") : motion_adapter;
  } else if (!motion_adapter.empty()) {
    refuse_adapter(path);
  }

  if (model.denoiser.config.text("_class_name", "") == "UNetMotionModel") {
    model.max_frames = model.denoiser.config.integer("motion_max_seq_length", 32);
  } else if (const std::string config = model.denoiser.adapter + "/config.json";
             fs::is_regular_file(config)) {
    model.max_frames = Config::read(config).integer("motion_max_seq_length", 32);
  }
  // diffusers' AnimateDiffPipeline: 16 frames, 50 steps, guidance 7.5; TextToVideoSDPipeline: guidance 9.
  const bool text_to_video = model.pipeline_class == "TextToVideoSDPipeline";
  if (text_to_video) model.defaults.guidance_scale = 9;
  const auto sides =
      model.denoiser.config.per_block("sample_size", 2, text_to_video ? 32 : 64, {1, kMaxSide});
  const int64_t factor = latent_factor_of(model.vae.config);
  model.defaults.height = sides[0] * factor, model.defaults.width = sides[1] * factor;
  return completed(std::move(model));
}

std::string pipeline_class_of(const std::string& folder) {
  const std::string index = folder + "/model_index.json";
  if (fs::is_regular_file(index)) return Config::read(index).text("_class_name", "");
  return is_lvdm_folder(folder) ? "VideoCrafter2" : "";
}

std::string folder_stamp(const std::string& folder) {
  std::set<std::string> stamps;  // sorted: the order of a directory listing means nothing
  std::error_code code;
  auto it = fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink, code);
  for (; !code && it != fs::recursive_directory_iterator(); it.increment(code)) {
    if (it.depth() > 1) it.disable_recursion_pending();
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    const auto time = it->last_write_time(ignored).time_since_epoch().count();
    stamps.insert(it->path().lexically_relative(folder).string() + ":" +
                  std::to_string(it->file_size(ignored)) + ":" + std::to_string(time));
  }
  std::string text;
  for (const std::string& stamp : stamps) text += stamp + ";";
  return text;
}

std::string assets_folder() {
  std::vector<fs::path> candidates;
  if (const char* given = std::getenv("REEL_ASSETS")) candidates.emplace_back(given);
  char program[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  if (length > 0) {
    // <prefix>/bin/reel -> <prefix>/share/reel; in a build tree, walk up to the sources.
    fs::path folder = fs::path(std::string(program, static_cast<size_t>(length))).parent_path();
    candidates.push_back(folder.parent_path() / "share" / "reel");
    for (int i = 0; i < 6 && folder.has_relative_path(); ++i, folder = folder.parent_path())
      candidates.push_back(folder / "assets");
  }
  for (const fs::path& candidate : candidates) {
    if (fs::is_directory(candidate / "graphs")) return candidate.string();
  }
  throw std::runtime_error(
      "[assets] the folder with graphs/ and checkpoints/ was not found beside the program; set REEL_ASSETS "
      "to it");
}

std::vector<std::string> model_search_path(const std::vector<std::string>& given) {
  std::vector<std::string> path = given;
  if (const char* variable = std::getenv("REEL_MODELS")) {
    std::stringstream stream(variable);
    for (std::string item; std::getline(stream, item, ':');) {
      if (!item.empty()) path.push_back(item);
    }
  }
  path.push_back(assets_folder() + "/checkpoints");
  return path;
}

std::map<std::string, std::string> list_models(const std::vector<std::string>& search_path) {
  std::map<std::string, std::string> models;
  for (const std::string& folder : search_path) {
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder, code)) {
      if (fs::is_regular_file(entry.path() / "model_index.json") || is_lvdm_folder(entry.path().string())) {
        models.emplace(entry.path().filename().string(), entry.path().string());  // earlier folders win
      }
    }
  }
  return models;
}

std::string find_model(const std::string& name_or_path, const std::vector<std::string>& search_path) {
  if (fs::is_directory(name_or_path)) return name_or_path;
  const auto models = list_models(search_path);
  if (const auto found = models.find(name_or_path); found != models.end()) return found->second;
  std::vector<std::string> names;
  std::string list;
  for (const auto& entry : models) {
    names.push_back(entry.first);
    list += (list.empty() ? "" : ", ") + entry.first;
  }
  const std::string near = nearest_name(name_or_path, names);
  throw std::runtime_error("[" + name_or_path + "] is neither a folder nor an installed model; " +
                           (near.empty()
                                ? "installed are: " + (list.empty() ? "none (see --models-dir)" : list)
                                : "did you mean '" + near + "'?"));
}

}  // namespace reel::models
