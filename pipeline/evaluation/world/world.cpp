#include "pipeline/evaluation/world/world.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "models/files/input/input_file.h"
#include "models/files/safetensors.h"
#include "pipeline/evaluation/world/world_entry_json.h"
#include "pipeline/media/pictures/picture_reader.h"

namespace reel::world {
namespace {

constexpr const char* kConverter = "assets/training/atlas_to_safetensors.py";

/// What the scripts that train on a world read of it, and this program does not.
const std::set<std::string> kForOthers = {"prompt", "atlas.alpha"};

Layout read_layout(const WorldEntry& entry, size_t actors) {
  Layout layout;
  for (const WorldEntry& slot : entry.at("slots").list(actors, actors))
    layout.cx.push_back(slot.at("cx").interval(0, 1));
  layout.size = entry.at("size").interval(0.01, 1);
  layout.cy = entry.at("cy").interval(0, 1);
  layout.floor = entry.at("floor").interval(0, 1);
  layout.travel_x = entry.at("travel_x").interval(0.01, 1);
  layout.travel_y = entry.at("travel_y").interval(0.01, 1);
  layout.hop = entry.at("hop").interval(0.01, 1);
  return layout;
}

Background read_background(const WorldEntry& entry) {
  Background background{
      entry.at("name").words(), entry.at("top").colour(), entry.at("bottom").colour(), {}, {}};
  if (entry.has("ground")) background.ground = entry.at("ground").colour();
  if (entry.has("stars")) {
    for (const WorldEntry& star : entry.at("stars").list(0, 1000)) {
      const std::vector<WorldEntry> part = star.list(3, 3);
      background.stars.push_back({part[0].number(0, 1), part[1].number(0, 1), part[2].number(0, 1)});
    }
  }
  return background;
}

/// uint8 [H, W, 4], straight alpha: a picture, or the tensor `atlas` of a .safetensors file, which every
/// build can read.
at::Tensor read_atlas(const std::string& path) {
  if (path.ends_with(".safetensors")) {
    const at::Tensor atlas = models::read_tensor(path, "atlas");
    if (atlas.scalar_type() != at::kByte || atlas.dim() != 3 || atlas.size(2) != 4) {
      throw std::runtime_error(c10::str("[", path, "] 'atlas' must be uint8 [H, W, 4], got ",
                                        atlas.toString(), " ", atlas.sizes(), "; write it with ",
                                        kConverter));
    }
    return atlas;
  }
  if (!media::can_read_pictures()) {
    throw std::runtime_error(c10::str(
        "[", path,
        "] is a picture, and this reel was built without OpenCV (REEL_WITH_MEDIA=OFF); on any machine with "
        "Python and Pillow run 'python ",
        kConverter, " ", std::filesystem::path(path).parent_path().string(),
        " NEW_FOLDER', then use --world NEW_FOLDER"));
  }
  return media::read_rgba(path);
}

/// The cells of the atlas, in the order of the objects, premultiplied: [objects, 4, cell, cell].
at::Tensor read_sprites(const std::filesystem::path& folder, const WorldEntry& atlas, int64_t objects) {
  const int64_t cell = atlas.at("cell").integer(4, 512);
  const int64_t columns = atlas.at("columns").integer(1, 64), rows = atlas.at("rows").integer(1, 64);
  const WorldEntry file = atlas.at("file");
  // The atlas lies beside its description: a name with a folder in it could point anywhere.
  const std::string name = file.text();
  if (name.empty() || std::filesystem::path(name).filename() != name)
    file.fail("the name of a file beside it");
  if (columns * rows < objects) atlas.fail(c10::str("a grid with room for ", objects, " objects"));
  const std::string path = (folder / name).string();
  const at::Tensor picture = read_atlas(path);
  if (picture.size(0) != rows * cell || picture.size(1) != columns * cell) {
    throw std::runtime_error(c10::str("[", path, "] must have ", columns * cell, " x ", rows * cell,
                                      " pixels, got ", picture.size(1), " x ", picture.size(0),
                                      "; restore the file from the release"));
  }
  at::Tensor cells =
      picture.to(at::kFloat).div(255).view({rows, cell, columns, cell, 4}).permute({0, 2, 4, 1, 3});
  cells = cells.reshape({rows * columns, 4, cell, cell}).narrow(0, 0, objects).contiguous();
  cells.narrow(1, 0, 3).mul_(cells.narrow(1, 3, 1));
  return cells;
}

template <class Named>
int index_of(const std::vector<Named>& all, const std::string& name) {
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

template <class Named>
void check_unique(const WorldEntry& entry, const std::vector<Named>& all) {
  std::set<std::string> seen;
  for (const Named& one : all) {
    if (!seen.insert(one.name).second)
      entry.fail("a list of different names ('" + one.name + "' comes twice)");
  }
}

}  // namespace

int World::object_index(const std::string& name) const { return index_of(objects, name); }
int World::motion_index(const std::string& name) const { return index_of(motions, name); }
int World::background_index(const std::string& name) const { return index_of(backgrounds, name); }

World load_world(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "world.json").string();
  const nlohmann::json json = read_world_file(path, "world.json and its atlas");
  const WorldEntry root(path, json);
  if (root.at("format").text() != "emoji-world/1") root.at("format").fail("\"emoji-world/1\"");

  World world;
  const WorldEntry frame = root.at("frame");
  world.width = frame.at("width").integer(8, 4096);
  world.height = frame.at("height").integer(8, 4096);
  world.num_frames = frame.at("num_frames").integer(2, 1024);
  world.fps = frame.at("fps").number(0.1, 240);
  world.probability_two = root.at("probability_two").number(0, 1);
  world.hops_per_clip = root.at("hops_per_clip").number(0.5, 16);
  world.colour_jitter = root.at("colour_jitter").number(0, 0.5);
  world.horizon = root.at("horizon").interval(0.05, 0.95);
  world.horizon_sharpness = root.at("horizon_sharpness").number(1, 10000);
  world.ground_shade = root.at("ground_shade").number(0, 1);
  world.star_sigma = root.at("star_sigma").number(0.001, 0.5);
  for (const WorldEntry& object : root.at("objects").list(2, 1000)) {
    world.objects.push_back({object.at("name").words(), object.at("article").words()});
  }
  for (const WorldEntry& motion : root.at("motions").list(1, 100)) {
    world.motions.push_back({motion.at("name").words(), motion.number_or_zero("dx", -1, 1),
                             motion.number_or_zero("dy", -1, 1), motion.number_or_zero("hop", -1, 1),
                             motion.number_or_zero("spin", -100, 100),
                             motion.number_or_zero("grow", -0.95, 0.95)});
  }
  for (const WorldEntry& background : root.at("backgrounds").list(1, 100)) {
    world.backgrounds.push_back(read_background(background));
  }
  check_unique(root.at("objects"), world.objects);
  check_unique(root.at("motions"), world.motions);
  check_unique(root.at("backgrounds"), world.backgrounds);
  world.one = read_layout(root.at("layouts").at("one"), 1);
  world.two = read_layout(root.at("layouts").at("two"), 2);
  world.sprites = read_sprites(folder, root.at("atlas"), static_cast<int64_t>(world.objects.size()));
  root.refuse_unknown(kForOthers);
  return world;
}

}  // namespace reel::world
