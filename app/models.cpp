// `reel models`: installed models, what is in them, and whether every tensor fits.
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/verbs.h"
#include "models/files/checkpoint.h"
#include "models/files/input/input_stream.h"
#include "models/files/utf8.h"
#include "models/model_folder.h"
#include "models/text/tokenizer.h"
#include "pipeline/run_warnings.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct ModelsOptions {
  CommonOptions common;
  std::string folder, input;
};

struct Component {
  std::string name;
  models::ComponentFiles files;
};

std::vector<Component> components(const models::ModelFolder& model) {
  if (!model.makes_videos()) return {{"captioner", model.captioner}};
  return {{"denoiser", model.denoiser}, {"vae", model.vae}, {"text_encoder", model.text_encoder}};
}

std::string locate(const ModelsOptions& options) {
  return models::find_model(options.folder, models::model_search_path(options.common.models_dirs));
}

int list(const ModelsOptions& options) {
  json all = json::array();
  for (const auto& [name, folder] :
       models::list_models(models::model_search_path(options.common.models_dirs))) {
    const std::string pipeline = models::pipeline_class_of(folder);
    all.push_back({{"name", name}, {"path", folder}, {"pipeline", pipeline}});
    if (!options.common.json) std::cout << name << "  " << pipeline << "  " << folder << "\n";
  }
  if (options.common.json) print_json(all.dump());
  return kDone;
}

struct Size {
  int64_t tensors = 0, parameters = 0, bytes = 0;
};

Size size_of(const models::ComponentFiles& files) {
  Size size;
  for (const models::Checkpoint& checkpoint : models::open_checkpoints(files)) {
    size.bytes += checkpoint.bytes();
    for (const std::string& name : checkpoint.names()) {
      int64_t elements = 1;
      for (const int64_t n : checkpoint.info(name).shape) elements *= n;
      size.parameters += elements, ++size.tensors;
    }
  }
  return size;
}

int info(const ModelsOptions& options) {
  const models::ModelFolder model = models::ModelFolder::open(locate(options), options.common.motion_adapter);
  const models::GenerationDefaults& d = model.defaults;
  json document = {{"path", model.path}, {"pipeline", model.pipeline_class}};
  if (model.makes_videos()) {
    document["scheduler"] = model.scheduler.text("_class_name", "");
    document["max_frames"] = model.max_frames;
    document["prompt_words"] = model.prompt_words;
    document["defaults"] = {{"width", d.width},
                            {"height", d.height},
                            {"frames", d.num_frames},
                            {"steps", d.num_inference_steps},
                            {"guidance", d.guidance_scale},
                            {"guidance_rescale", d.guidance_rescale},
                            {"fps", d.fps}};
  } else {
    document["defaults"] = json::parse(model.generation.json());
  }
  Size total;
  for (const Component& component : components(model)) {
    const Size size = size_of(component.files);
    total.parameters += size.parameters, total.bytes += size.bytes;
    const std::string family = plugins().families.of(component.files.config).spec.name;
    document["components"][component.name] = {{"folder", component.files.folder},
                                              {"family", family},
                                              {"tensors", size.tensors},
                                              {"parameters", size.parameters},
                                              {"bytes", size.bytes}};
  }
  document["parameters"] = total.parameters, document["bytes"] = total.bytes;
  document["memory"] = {
      {"f32", total.parameters * 4}, {"bf16", total.parameters * 2}, {"f16", total.parameters * 2}};
  if (options.common.json) {
    print_json(document.dump());
    return kDone;
  }
  std::cout << model.path << "\n  " << model.pipeline_class;
  if (model.makes_videos()) std::cout << ", scheduler " << document["scheduler"].get<std::string>();
  std::cout << "\n";
  for (const auto& [name, c] : document["components"].items()) {
    std::printf("  %-13s %-15s %9.2f M parameters  %8.1f MiB on disk\n", name.c_str(),
                c["family"].get<std::string>().c_str(), c["parameters"].get<double>() / 1e6,
                c["bytes"].get<double>() / (1 << 20));
  }
  std::printf("  memory of weights: %.1f MiB in f32, %.1f MiB in bf16 or f16\n",
              double(total.parameters) * 4 / (1 << 20), double(total.parameters) * 2 / (1 << 20));
  if (!model.makes_videos()) {
    std::cout << "  writes captions; defaults of generation_config.json: " << document["defaults"].dump()
              << "\n";
    return kDone;
  }
  std::printf("  defaults: %lldx%lld, %lld frames at %g/s, %lld steps, guidance %g\n", (long long)d.width,
              (long long)d.height, (long long)d.num_frames, d.fps, (long long)d.num_inference_steps,
              d.guidance_scale);
  if (!model.prompt_words.empty()) {
    std::cout << "  words of prompts:";
    for (const std::string& word : model.prompt_words) std::cout << " " << word;
    std::cout << "\n";
  }
  return kDone;
}

/// What a folder that can be used has to say before it is.
std::vector<std::string> notes_on(const models::ModelFolder& model) {
  if (!model.makes_videos()) return {};
  std::vector<std::string> notes = pipeline::model_warnings(
      model, {model.defaults.num_frames, model.defaults.height, model.defaults.width});
  if (!model.connects_frames)
    notes.push_back("[" + model.path +
                    "] is a model of pictures: it has no motion modules, and makes videos only with a "
                    "--motion-adapter");
  return notes;
}

int print_check(const ModelsOptions& options, const std::string& path, const json& problems,
                const std::vector<std::string>& notes) {
  if (options.common.json) {
    print_json(
        json{{"path", path}, {"ok", problems.empty()}, {"problems", problems}, {"warnings", notes}}.dump());
    return problems.empty() ? kDone : kEnvironment;
  }
  for (const auto& p : problems)
    std::cout << p["component"].get<std::string>() << ": " << p["problem"].get<std::string>() << "\n";
  for (const std::string& note : notes) std::cout << "note: " << note << "\n";
  std::cout << (problems.empty() ? "ok: every tensor is there, expected, and of the right shape"
                                 : std::to_string(problems.size()) + " problems")
            << "\n";
  return problems.empty() ? kDone : kEnvironment;
}

int check(const ModelsOptions& options) {
  const std::string folder = locate(options);
  models::ModelFolder model;
  try {
    model = models::ModelFolder::open(folder, options.common.motion_adapter);
  } catch (const models::ModelFolderError& error) {
    json problems = json::array();
    for (const std::string& problem : error.problems())
      problems.push_back({{"component", "folder"}, {"problem", problem}});
    return print_check(options, folder, problems, {});
  }
  models::LoadOptions shapes;
  shapes.shapes_only = true;
  json problems = json::array();
  for (const Component& component : components(model)) {
    try {
      const models::FamilyEntry& family = plugins().families.of(component.files.config);
      if (family.denoiser)
        family.denoiser(component.files, shapes);
      else if (family.vae)
        family.vae(component.files, shapes);
      else if (family.text_encoder)
        family.text_encoder(component.files, shapes);
      else
        family.captioner(component.files, shapes);
    } catch (const models::CheckpointError& error) {
      for (const std::string& problem : error.problems())
        problems.push_back({{"component", component.name}, {"problem", problem}});
    } catch (const std::runtime_error& error) {
      problems.push_back({{"component", component.name}, {"problem", error.what()}});
    }
  }
  try {
    if (model.makes_videos()) {
      guidance::require_known_class(plugins().schedulers, model.scheduler_in_index, model.path);
      guidance::make_scheduler(plugins().schedulers, model.scheduler, "",
                               static_cast<int>(model.defaults.num_inference_steps));
    }
  } catch (const std::exception& error) {
    problems.push_back({{"component", "scheduler"}, {"problem", error.what()}});
  }
  return print_check(options, model.path, problems, notes_on(model));
}

int tokenize(const ModelsOptions& options) {
  std::string folder = fs::is_directory(options.folder) ? options.folder : locate(options);
  if (fs::is_directory(folder + "/tokenizer")) folder += "/tokenizer";
  const auto tokenizer = models::Tokenizer::open(folder);
  // One text after the other: their number has no bound, the length of each has.
  models::InputStream stream({.path = options.input.empty() ? "-" : options.input, .option = "--input"},
                             {.streams = true});
  int number = 0;
  // Ends with the reader of the results, too: the input may be endless.
  for (std::string line; std::cout && std::getline(stream, line);) {
    if (++number == 1) line = models::without_bom(line);
    std::string text = line;
    if (options.common.json) {
      try {
        text = json::parse(line).get<std::string>();
      } catch (const json::exception&) {
        throw std::invalid_argument("[tokenize] line " + std::to_string(number) +
                                    " must be a JSON string, because of --json");
      }
    }
    print_json(json(tokenizer->encode(text)).dump());
  }
  return kDone;
}

}  // namespace

void add_models_verb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("models", "Installed models: list, info, check, tokenize");
  verb->require_subcommand(0, 1);
  auto options = std::make_shared<ModelsOptions>();
  add_output_options(*verb, options->common, {.quiet = false, .verbose = false});
  add_models_dir(*verb, options->common);
  verb->footer("Example: reel models check emoji-animatediff");
  verb->callback([options, &action] {
    if (!action) action = [options] { return list(*options); };
  });
  const auto sub = [&](const char* name, const char* help, bool with_folder,
                       int (*run)(const ModelsOptions&)) {
    CLI::App* s = verb->add_subcommand(name, help);
    if (with_folder) {
      s->add_option("folder", options->folder, "installed model or folder")->required();
      if (run != tokenize) {
        s->add_option("--motion-adapter", options->common.motion_adapter,
                      "folder or file with motion modules for an image model");
      }
    }
    add_output_options(*s, options->common, {.quiet = run == check, .verbose = false});
    add_models_dir(*s, options->common);
    s->callback([options, run, &action] { action = [options, run] { return run(*options); }; });
    return s;
  };
  sub("list", "Models found by name", false, list);
  sub("info", "Components, parameters, memory, defaults", true, info);
  sub("check", "Reads every header and configuration and compares them with what the networks need", true,
      check);
  sub("tokenize", "Token ids of texts, one a line", true, tokenize)
      ->add_option("--input", options->input,
                   "file with one text a line (JSON strings with --json); default: standard input");
}

}  // namespace reel::app
