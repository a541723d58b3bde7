#include "pipeline/jobs/recipe.h"

#include "models/files/checkpoint.h"
#include "models/hashing/fingerprint.h"
#include "pipeline/graph/portable_graph.h"
#include "pipeline/jobs/options_json.h"

namespace reel::pipeline {
namespace {

using nlohmann::json;

/// The files that a job names, with what stands for their content.
json files_of(const GenerateJob& job) {
  json files = json::object();
  const auto add = [&](const std::string& path) {
    if (!path.empty()) files[last_part(path)] = models::file_fingerprint(path);
  };
  for (const LoraChoice& lora : job.loras) add(lora.path);
  add(job.options.initial_latents), add(job.options.step_noise);
  return files;
}

}  // namespace

std::string write_recipe(const GenerateJob& job, const JobPlace& place) {
  json options = options_json(job, place);
  options["lora"] = json::array();
  for (const LoraChoice& lora : job.loras)
    options["lora"].push_back(last_part(lora.path) + ":" + to_text(lora.weight));
  return json{{"reel", REEL_VERSION},
              {"model", {{"name", last_part(job.choice.name)}, {"hash", place.weights}}},
              {"files", files_of(job)},
              {"options", std::move(options)}}
      .dump();
}

Recipe read_recipe(const std::string& text, const std::string& place) {
  Recipe recipe;
  if (text.empty()) return recipe;
  const models::Config document = models::Config::parse(text, place);
  recipe.version = document.text("reel", recipe.version);
  recipe.model = document.object("model").text("name", "");
  recipe.model_hash = document.object("model").text("hash", "");
  recipe.dtype = document.object("options").text("dtype", "");
  const models::Config files = document.object("files");
  for (const std::string& name : files.keys()) recipe.files[name] = files.text(name, "");
  for (const char* known : {"", "f32", "bf16", "f16"}) {
    if (recipe.dtype == known) return recipe;
  }
  throw std::runtime_error("[" + place + "] 'dtype' must be f32, bf16 or f16, got '" +
                           printable(recipe.dtype) + "'; was it edited by hand?");
}

}  // namespace reel::pipeline
