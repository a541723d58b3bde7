#include "pipeline/evaluation/world/world.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "attention/plugin/spec.h"
#include "models/files/input/input_file.h"
#include "models/files/safetensors.h"
#include "models/files/strict_json.h"
#include "pipeline/media/pictures/picture_reader.h"

namespace reel::world {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostBytes = 16 << 20;
constexpr const char* kConverter = "assets/training/atlas_to_safetensors.py";

/// What the scripts that train on a world read of it, and this program does not.
const std::set<std::string> kForOthers = {"prompt", "atlas.alpha"};

/// A value of the file and the path to it, so that every complaint says where.
class Entry {
 public:
  using Names = std::set<std::string>;
  /// `known`: receives the paths of all keys that are asked for, given or not.
  Entry(std::string file, std::string path, const Json& value, Names& known)
      : file_(std::move(file)), path_(std::move(path)), value_(value), known_(known) {}

  [[noreturn]] void fail(const std::string& expected) const {
    std::string found = value_.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (found.size() > 60) found = found.substr(0, 57) + "...";
    throw std::runtime_error(c10::str("[", file_, "] '", path_, "' must be ", expected, ", got ", found,
                                      "; restore the file from the release"));
  }
  bool has(const char* key) const {
    known_.insert(path_of(key));
    return value_.is_object() && value_.contains(key) && !value_[key].is_null();
  }
  Entry at(const char* key) const {
    if (!value_.is_object()) fail("an object");
    if (!has(key)) {
      throw std::runtime_error(c10::str("[", file_, "] '", path_, path_.empty() ? "" : ".", key,
                                        "' is missing; restore the file from the release"));
    }
    return {file_, path_of(key), value_[key], known_};
  }
  /// Refuses keys of this value, and of those in it, that nothing has asked for.
  void refuse_unknown() const {
    if (value_.is_array()) {
      for (size_t i = 0; i < value_.size(); ++i)
        Entry(file_, c10::str(path_, "[", i, "]"), value_[i], known_).refuse_unknown();
    }
    if (!value_.is_object()) return;
    for (const auto& [key, value] : value_.items()) {
      const std::string path = path_of(key);
      if (!known_.contains(path)) refuse_key(key);
      if (!kForOthers.contains(path)) Entry(file_, path, value, known_).refuse_unknown();
    }
  }
  std::vector<Entry> list(size_t least, size_t most) const {
    if (!value_.is_array() || value_.size() < least || value_.size() > most) {
      fail(least == most ? c10::str("a list of ", least) : c10::str("a list of ", least, " to ", most));
    }
    std::vector<Entry> all;
    for (size_t i = 0; i < value_.size(); ++i)
      all.emplace_back(file_, c10::str(path_, "[", i, "]"), value_[i], known_);
    return all;
  }
  double number(double low, double high) const {
    // The comparison also refuses what is not a number at all.
    if (!value_.is_number() || !(value_.get<double>() >= low && value_.get<double>() <= high)) {
      fail(c10::str("a number from ", low, " to ", high));
    }
    return value_.get<double>();
  }
  double number_or_zero(const char* key, double low, double high) const {
    return has(key) ? at(key).number(low, high) : 0.0;
  }
  int64_t integer(int64_t low, int64_t high) const {
    if (!value_.is_number_integer()) fail("a whole number");
    return static_cast<int64_t>(number(low, high));
  }
  std::string text() const {
    if (!value_.is_string()) fail("a text");
    return value_.get<std::string>();
  }
  std::string words() const {
    const std::string text = this->text();
    const bool clean = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz ") == std::string::npos;
    if (text.empty() || text.size() > 40 || !clean || text.front() == ' ' || text.back() == ' ') {
      fail("lower-case words");
    }
    return text;
  }
  Interval interval(double low, double high) const {
    const std::vector<Entry> ends = list(2, 2);
    const Interval read{ends[0].number(low, high), ends[1].number(low, high)};
    if (read.low > read.high) fail("a range [low, high]");
    return read;
  }
  Colour colour() const {
    const std::vector<Entry> channels = list(3, 3);
    return {channels[0].number(0, 1), channels[1].number(0, 1), channels[2].number(0, 1)};
  }

 private:
  std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  [[noreturn]] void refuse_key(const std::string& key) const {
    std::vector<std::string> names;
    for (const std::string& path : known_) {
      const size_t end = path.rfind('.');
      if ((end == std::string::npos ? "" : path.substr(0, end)) == path_)
        names.push_back(path.substr(end == std::string::npos ? 0 : end + 1));
    }
    const std::string near = nearest_name(key, names);
    throw std::runtime_error(c10::str("[", file_, "] '", models::shown(path_of(key), 200),
                                      "' is no key of a world; ",
                                      near.empty() ? "take it out" : "did you mean '" + near + "'?"));
  }

  std::string file_, path_;
  const Json& value_;
  Names& known_;
};

Layout read_layout(const Entry& entry, size_t actors) {
  Layout layout;
  for (const Entry& slot : entry.at("slots").list(actors, actors))
    layout.cx.push_back(slot.at("cx").interval(0, 1));
  layout.size = entry.at("size").interval(0.01, 1);
  layout.cy = entry.at("cy").interval(0, 1);
  layout.floor = entry.at("floor").interval(0, 1);
  layout.travel_x = entry.at("travel_x").interval(0.01, 1);
  layout.travel_y = entry.at("travel_y").interval(0.01, 1);
  layout.hop = entry.at("hop").interval(0.01, 1);
  return layout;
}

Background read_background(const Entry& entry) {
  Background background{
      entry.at("name").words(), entry.at("top").colour(), entry.at("bottom").colour(), {}, {}};
  if (entry.has("ground")) background.ground = entry.at("ground").colour();
  if (entry.has("stars")) {
    for (const Entry& star : entry.at("stars").list(0, 1000)) {
      const std::vector<Entry> part = star.list(3, 3);
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
at::Tensor read_sprites(const std::filesystem::path& folder, const Entry& atlas, int64_t objects) {
  const int64_t cell = atlas.at("cell").integer(4, 512);
  const int64_t columns = atlas.at("columns").integer(1, 64), rows = atlas.at("rows").integer(1, 64);
  const Entry file = atlas.at("file");
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
void check_unique(const Entry& entry, const std::vector<Named>& all) {
  std::set<std::string> seen;
  for (const Named& one : all) {
    if (!seen.insert(one.name).second)
      entry.fail("a list of different names ('" + one.name + "' comes twice)");
  }
}

Json parse_file(const std::string& path) {
  if (!models::has_input(path)) {
    throw std::runtime_error(
        c10::str("[", path, "] cannot be opened; the folder must hold world.json and its atlas"));
  }
  const std::string text = models::read_input({.path = path, .most_bytes = kMostBytes});
  return models::parse_strict<Json>(
      text, {.depth = 16, .values = 1'000'000}, [&](const models::JsonFault& fault) {
        using Kind = models::JsonFault::Kind;
        const std::string what = fault.kind == Kind::kSyntax ? "is not JSON: " + models::shown(fault.detail)
                                 : fault.kind == Kind::kDuplicateKey
                                     ? "has the key '" + models::shown(fault.detail) + "' twice"
                                     : "has more parts than a world has";
        throw std::runtime_error("[" + path + "] " + what + "; correct the file there");
      });
}

}  // namespace

int World::object_index(const std::string& name) const { return index_of(objects, name); }
int World::motion_index(const std::string& name) const { return index_of(motions, name); }
int World::background_index(const std::string& name) const { return index_of(backgrounds, name); }

World load_world(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "world.json").string();
  const Json json = parse_file(path);
  std::set<std::string> known = kForOthers;
  const Entry root(path, "", json, known);
  if (root.at("format").text() != "emoji-world/1") root.at("format").fail("\"emoji-world/1\"");

  World world;
  const Entry frame = root.at("frame");
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
  for (const Entry& object : root.at("objects").list(2, 1000)) {
    world.objects.push_back({object.at("name").words(), object.at("article").words()});
  }
  for (const Entry& motion : root.at("motions").list(1, 100)) {
    world.motions.push_back({motion.at("name").words(), motion.number_or_zero("dx", -1, 1),
                             motion.number_or_zero("dy", -1, 1), motion.number_or_zero("hop", -1, 1),
                             motion.number_or_zero("spin", -100, 100),
                             motion.number_or_zero("grow", -0.95, 0.95)});
  }
  for (const Entry& background : root.at("backgrounds").list(1, 100)) {
    world.backgrounds.push_back(read_background(background));
  }
  check_unique(root.at("objects"), world.objects);
  check_unique(root.at("motions"), world.motions);
  check_unique(root.at("backgrounds"), world.backgrounds);
  world.one = read_layout(root.at("layouts").at("one"), 1);
  world.two = read_layout(root.at("layouts").at("two"), 2);
  world.sprites = read_sprites(folder, root.at("atlas"), static_cast<int64_t>(world.objects.size()));
  root.refuse_unknown();
  return world;
}

}  // namespace reel::world
