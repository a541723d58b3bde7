#include "pipeline/evaluation/world/told_scenes.h"

#include <stdexcept>

#include "attention/plugin/spec.h"
#include "models/files/config.h"
#include "models/files/input/input_stream.h"

namespace reel::world {
namespace {

/// Index of a name of the world.
template <class Named>
int find(const std::vector<Named>& all, const std::string& name, const std::string& place, const char* key) {
  std::vector<std::string> names;
  for (const Named& one : all) names.push_back(one.name);
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<int>(at - names.begin());
  const std::string near = nearest_name(name, names);
  throw std::runtime_error(
      "[" + place + "] '" + key + "' must hold names of the world, got '" + name + "'; " +
      (near.empty() ? "such as '" + names.front() + "'" : "did you mean '" + near + "'?"));
}

ToldScene read_line(const World& world, const std::string& line, const std::string& place) {
  const models::Config config = models::Config::parse(line, place);
  for (const std::string& key : config.keys()) {
    if (key != "prompt" && key != "objects" && key != "motions" && key != "background" && key != "kind")
      throw std::runtime_error("[" + place + "] '" + key +
                               "' is not known; a line has prompt, objects, motions, background and kind");
  }
  ToldScene told{config.text("prompt", ""), {}, config.text("kind", "")};
  const std::vector<std::string> objects = config.texts("objects", {});
  const std::vector<std::string> motions = config.texts("motions", std::vector<std::string>(objects.size()));
  if (told.prompt.empty())
    throw std::runtime_error("[" + place + "] must have a 'prompt', got none; write the sentence there");
  if (objects.empty() || objects.size() > 2) {
    throw std::runtime_error("[" + place + "] 'objects' must name one or two, got " +
                             std::to_string(objects.size()) + "; the world's scenes have no more");
  }
  if (motions.size() != objects.size()) {
    throw std::runtime_error("[" + place + "] 'motions' must have an entry for each of the " +
                             std::to_string(objects.size()) + " objects, got " +
                             std::to_string(motions.size()) +
                             "; write \"\" for one that the sentence leaves open");
  }
  told.stated.sides = false;
  for (size_t k = 0; k < objects.size(); ++k) {
    told.stated.actors.push_back(
        {find(world.objects, objects[k], place, "objects"),
         motions[k].empty() ? kOpen : find(world.motions, motions[k], place, "motions")});
  }
  const std::string background = config.text("background", "");
  told.stated.background =
      background.empty() ? kOpen : find(world.backgrounds, background, place, "background");
  return told;
}

}  // namespace

std::vector<ToldScene> read_told_scenes(const World& world, const std::string& path) {
  models::InputStream stream({.path = path, .option = "--prompts-file"}, {.lines = uint64_t{1} << 20});
  std::vector<ToldScene> told;
  size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    told.push_back(read_line(world, line, path + " line " + std::to_string(number)));
  }
  if (told.empty())
    throw std::runtime_error("[" + path + "] must have a sentence a line, got none; docs/eval.md shows one");
  return told;
}

}  // namespace reel::world
