#include "models/model_folder.h"

#include <unistd.h>

#include <climits>
#include <sstream>

#include "models/files/input/input_file.h"
#include "models/pipeline_registry.h"
#include "models/unet/motion_adapter.h"

namespace reel::models {
namespace fs = std::filesystem;
namespace {

void override_defaults(GenerationDefaults& defaults, const Config& config) {
  defaults.width = config.bounded("width", defaults.width, 1, kMaxSide);
  defaults.height = config.bounded("height", defaults.height, 1, kMaxSide);
  defaults.num_frames = config.bounded("num_frames", defaults.num_frames, 1, 4096);
  defaults.num_inference_steps =
      config.bounded("num_inference_steps", defaults.num_inference_steps, 1, 10'000);
  defaults.guidance_scale = config.number("guidance_scale", defaults.guidance_scale);
  defaults.guidance_rescale = config.number("guidance_rescale", defaults.guidance_rescale);
  defaults.fps = frame_rate(config, "fps", defaults.fps);
}

/// The class that recognises a folder without model_index.json; "" if none does or its files are broken.
std::string recognised_class(const std::string& folder) {
  try {
    const PipelineEntry* entry = known_pipelines().recognising(folder);
    return entry ? entry->class_names.front() : "";
  } catch (const std::runtime_error&) {
    return "";
  }
}

/// What the folder's own config.json calls the model, for messages; "" if there is none.
std::string stated_type(const std::string& folder) {
  const std::string file = folder + "/config.json";
  if (!has_input(file)) return "";
  const Config config = Config::read(file);
  const std::string type = config.is_text("model_type") ? config.text("model_type", "") : "";
  return type.empty()
             ? ""
             : ", and its config.json states the type '" + type.substr(0, 60) + "', which is not supported";
}

}  // namespace

ModelFolderError::ModelFolderError(const std::string& place, std::vector<std::string> problems)
    : std::runtime_error("[" + place + "] " + c10::Join("; ", problems)), problems_(std::move(problems)) {}

ModelFolder ModelFolder::open(const std::string& path, const std::string& motion_adapter) {
  return open(known_pipelines(), path, motion_adapter);
}

ModelFolder ModelFolder::open(const PipelineRegistry& pipelines, const std::string& path,
                              const std::string& motion_adapter) {
  if (!fs::is_directory(path)) {
    throw std::runtime_error("[" + path + "] is not a model folder; name one with model_index.json in it");
  }
  ModelFolder model;
  model.path = path, model.motion_adapter = motion_adapter;
  model.stamp = folder_stamp(path);  // first: what changes while it is read must not seem unchanged later
  if (!motion_adapter.empty()) check_motion_adapter(motion_adapter);
  const PipelineEntry* pipeline = nullptr;
  if (const std::string index = path + "/model_index.json"; has_input(index)) {
    const Config stated = Config::read(index);
    pipeline = &pipelines.of(stated);
    model.pipeline_class = stated.text("_class_name", "");
  } else if ((pipeline = pipelines.recognising(path))) {
    model.pipeline_class = pipeline->class_names.front();
  } else {
    throw std::runtime_error(
        "[" + path + "] has no model_index.json" + stated_type(path) +
        "; name the folder that holds unet, vae, text_encoder, tokenizer and scheduler, or that of "
        "a LLaVA");
  }
  const std::string file = path + "/generation_config.json";
  const bool overrides = has_input(file);
  const Config generation = overrides ? Config::read(file) : Config();
  pipeline->open(model, generation);
  if (overrides && model.makes_videos())
    override_defaults(model.defaults, generation);  // checks what it finds, also the defaults
  model.prompt_words = generation.texts("prompt_words", {});
  const Config parts = generation.object("prompt_parts");
  for (const std::string& name : parts.keys()) {
    const Config part = parts.object(name);
    const int64_t least = part.bounded("least", 0, 0, 1000);
    model.prompt_parts.push_back(
        {name, least, part.bounded("most", least, least, 1000), part.texts("phrases", {})});
  }
  return model;
}

void require_video_model(const ModelFolder& model) {
  if (model.makes_videos()) return;
  throw std::runtime_error(
      "[" + model.path + "] is a " + model.pipeline_class +
      ", which writes captions of pictures and makes no videos; name a model that does, such as "
      "emoji-animatediff");
}

void require_connected_frames(const ModelFolder& model, int64_t frames) {
  if (model.connects_frames || frames <= 1) return;
  throw std::runtime_error(
      "[" + model.path + "] is a model of pictures: it has no motion modules, so that the " +
      std::to_string(frames) +
      " frames would have nothing to do with one another; add some with --motion-adapter "
      "(a folder or file, of AnimateDiff for example; in a graph, the loader's motion_adapter), or ask for "
      "one frame");
}

double frame_rate(const Config& config, const std::string& key, double absent) {
  const double rate = config.number(key, absent);
  if (rate < 0.01 || rate > 1000) {
    throw std::runtime_error("[" + config.place() + "] '" + key + "' must lie in 0.01 to 1000, got " +
                             std::to_string(rate) + "; correct the file or fetch it again");
  }
  return rate;
}

std::string pipeline_class_of(const std::string& folder) {
  const std::string index = folder + "/model_index.json";
  if (fs::is_regular_file(index)) return Config::read(index).text("_class_name", "");
  return recognised_class(folder);
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
  if (const char* given = std::getenv("REEL_ASSETS"); given && *given) {
    if (fs::is_directory(fs::path(given) / "graphs")) return given;
    throw std::runtime_error("[REEL_ASSETS] must be a folder with graphs/ and checkpoints/, got '" +
                             std::string(given) + "'; unset it to use those beside the program");
  }
  std::vector<fs::path> candidates;
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
      if (fs::is_regular_file(entry.path() / "model_index.json") ||
          !recognised_class(entry.path().string()).empty()) {
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
