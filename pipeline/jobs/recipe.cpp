#include "pipeline/jobs/recipe.h"

#include "pipeline/jobs/options_json.h"

namespace reel::pipeline {
namespace {

using nlohmann::json;

/// The text under `key`, or `absent`.
std::string text_in(const json& document, const char* key, const std::string& absent) {
  if (!document.is_object()) return absent;
  const auto found = document.find(key);
  return found == document.end() || !found->is_string() ? absent : found->get<std::string>();
}

}  // namespace

std::string write_recipe(const GenerateJob& job, const JobPlace& place) {
  return json{{"reel", REEL_VERSION},
              {"model", {{"name", job.choice.name}, {"hash", place.weights}}},
              {"options", options_json(job, place)}}
      .dump();
}

std::optional<Recipe> read_recipe(const std::string& text) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return {};
  Recipe recipe;
  recipe.version = text_in(document, "reel", recipe.version);
  if (document.contains("options")) recipe.dtype = text_in(document["options"], "dtype", "");
  return recipe;
}

}  // namespace reel::pipeline
