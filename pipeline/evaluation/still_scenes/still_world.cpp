#include "pipeline/evaluation/still_scenes/still_world.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "pipeline/evaluation/world/world_entry_json.h"

namespace reel::world {
namespace {

constexpr size_t kMostGroups = 100, kMostPairs = 100;

std::vector<double> read_weights(const WorldEntry& entry, size_t least, size_t most) {
  std::vector<double> weights;
  for (const WorldEntry& one : entry.list(least, most)) weights.push_back(one.number(0, 1e6));
  if (std::accumulate(weights.begin(), weights.end(), 0.0) <= 0)
    entry.fail("weights of which one is above 0");
  return weights;
}

template <class Find>
int known(const WorldEntry& entry, const char* kind, const Find& find) {
  const int index = find(entry.words());
  if (index < 0) entry.fail(std::string("the name of ") + kind + " in world.json");
  return index;
}

void read_groups(const WorldEntry& root, StillWorld& still) {
  const World& world = still.world;
  still.partner.assign(still.objects(), -1), still.group.assign(still.objects(), 0);
  still.frequency.assign(still.objects(), 0);
  const WorldEntry groups = root.at("groups");
  for (const WorldEntry& entry : groups.list(1, kMostGroups)) {
    PairGroup group{.background = known(entry.at("background"), "a background",
                                        [&](const auto& name) { return world.background_index(name); }),
                    .weight = entry.at("weight").number(0, 1e6)};
    const size_t pairs = still.pair_weights.size();
    for (const WorldEntry& pair : entry.at("pairs").list(pairs, pairs)) {
      std::array<int, 2> both{};
      for (size_t i = 0; i < 2; ++i) {
        const WorldEntry name = pair.list(2, 2)[i];
        both[i] = known(name, "an object", [&](const auto& word) { return world.object_index(word); });
        if (still.partner[both[i]] >= 0 || (i == 1 && both[1] == both[0]))
          name.fail("an object that no other pair has");
        still.group[both[i]] = static_cast<int>(still.groups.size());
        still.frequency[both[i]] = group.weight * still.pair_weights[group.pairs.size()];
      }
      still.partner[both[0]] = both[1], still.partner[both[1]] = both[0];
      group.pairs.push_back(both);
    }
    still.groups.push_back(std::move(group));
  }
  for (const int partner : still.partner) {
    if (partner < 0) groups.fail("pairs that hold every object of world.json");
  }
  if (std::ranges::all_of(still.groups, [](const PairGroup& group) { return group.weight == 0; }))
    groups.fail("groups of which one has a weight above 0");
}

void read_scene(const WorldEntry& scene, StillWorld& still) {
  still.pairs = read_weights(scene.at("pairs"), 1, 16);
  still.counts = read_weights(scene.at("count"), 1, 16);
  // Every kind of a scene shows at least one sprite.
  still.sprites = scene.at("sprites").integer(2 * static_cast<int64_t>(still.pairs.size()), 1000);
  still.tries = scene.at("tries").integer(1, 1000);
  still.size = scene.at("size").interval(0.01, 1);
  still.angle = scene.at("angle").interval(-7, 7);
  still.horizon = scene.at("horizon").interval(0.05, 0.95);
  still.mirrored = scene.at("mirrored").number(0, 1);
  still.spacing = scene.at("spacing").number(0, 10);
  still.colour_jitter = scene.at("colour_jitter").number(0, 0.5);
}

Murk read_murk(const WorldEntry& entry) {
  Murk murk;
  murk.fade = entry.at("fade").number(0, 1);
  murk.haze = entry.at("haze").number(0, 1);
  murk.haze_colour = entry.at("haze_colour").colour();
  murk.blur = entry.at("blur").number(0, 1);
  murk.blur_sigma = entry.at("blur_sigma").number(0.01, 100);
  murk.blur_radius = entry.at("blur_radius").integer(1, 100);
  murk.noise = entry.at("noise").number(0, 1);
  murk.noise_floor = entry.at("noise_floor").number(0, 1);
  murk.blocks = entry.at("blocks").integer(0, 100);
  murk.block_probability = entry.at("block_probability").number(0, 1);
  murk.block_side = entry.at("block_side").interval(0.001, 1);
  murk.block_cover = entry.at("block_cover").number(0, 1);
  return murk;
}

StillWords read_words(const WorldEntry& text, const StillWorld& still) {
  StillWords words{.is_there = text.at("is_there").list(1, 100).front().text()};
  for (const char* place : {"{a}", "{object}"}) {
    if (words.is_there.find(place) == std::string::npos)
      text.at("is_there").fail(std::string("a question with ") + place);
  }
  for (const WorldEntry& number : text.at("numbers").list(still.counts.size() + 1, 100))
    words.numbers.push_back(number.words());
  const WorldEntry plurals = text.at("plurals");
  for (size_t i = 0; i < still.objects(); ++i) {
    const std::string& name = still.name(static_cast<int>(i));
    words.plurals.push_back(plurals.has(name.c_str()) ? plurals.at(name.c_str()).words() : name + "s");
  }
  return words;
}

}  // namespace

StillWorld load_still_world(const std::string& folder) {
  StillWorld still{.world = load_world(folder)};
  const std::string path = (std::filesystem::path(folder) / "pairs.json").string();
  const nlohmann::json json = read_world_file(path, "world.json, its atlas and pairs.json");
  const WorldEntry root(path, json);
  if (root.at("format").text() != "emoji-scenes/1") root.at("format").fail("\"emoji-scenes/1\"");
  still.pair_weights = read_weights(root.at("pair_weights"), 1, kMostPairs);
  read_groups(root, still);
  const WorldEntry bias = root.at("bias");
  still.partner_bias = bias.at("partner").number(0, 1);
  still.group_bias = bias.at("group").number(0, 1);
  still.background_bias = bias.at("background").number(0, 1);
  read_scene(root.at("scene"), still);
  still.murk = read_murk(root.at("murk"));
  still.words = read_words(root.at("text"), still);
  root.refuse_unknown({"guess", "text.describe", "text.how_many", "text.where", "text.short_answer",
                       "text.rows", "text.columns"});  // of the training
  return still;
}

}  // namespace reel::world
