#include "models/vision/image_steps.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "models/files/input/input_file.h"

namespace reel::models {
namespace {

constexpr int64_t kLargest = 16384;  // side of a resized or cropped picture

/// What a class does if its file says nothing.
struct Defaults {
  const char* name;
  bool square, crops, may_pad;
  std::array<double, 3> mean, std;
};
constexpr std::array<double, 3> kClipMean = {0.48145466, 0.4578275, 0.40821073},
                                kClipStd = {0.26862954, 0.26130258, 0.27577711}, kOneHalf = {0.5, 0.5, 0.5};
constexpr Defaults kClasses[] = {{"CLIPImageProcessor", false, true, false, kClipMean, kClipStd},
                                 {"LlavaImageProcessor", false, true, true, kClipMean, kClipStd},
                                 {"SiglipImageProcessor", true, false, false, kOneHalf, kOneHalf}};
constexpr int64_t kDefaultSide = 224;

/// Keys that are read here, and those that say nothing about the result.
constexpr std::string_view kKnown[] = {
    "do_resize", "size", "default_to_square", "resample", "do_center_crop", "crop_size", "do_rescale",
    "rescale_factor", "do_normalize", "image_mean", "image_std", "do_pad", "image_processor_type",
    "feature_extractor_type", "data_format",
    // Pictures are read as RGB, whatever do_convert_rgb says.
    "do_convert_rgb",
    // Of padding, which has a size of its own in no known class.
    "pad_size",
    // How Python calls it.
    "processor_class", "auto_map", "input_data_format", "return_tensors", "device", "disable_grouping",
    "_valid_processor_keys", "image_seq_length", "use_fast"};

[[noreturn]] void refuse(const Config& config, const std::string& fault) {
  throw std::runtime_error("[" + config.place() + "] " + fault);
}

const Defaults& class_of(const Config& config) {
  std::string name = config.text("image_processor_type", "");
  if (name.empty()) {
    name = config.text("feature_extractor_type", "LlavaImageProcessor");  // early files name none
    const std::string_view old = "FeatureExtractor";
    if (const size_t at = name.find(old); at != std::string::npos)
      name.replace(at, old.size(), "ImageProcessor");
  }
  for (const std::string_view ending : {"Fast", "Pil"})
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  std::string known;
  for (const Defaults& one : kClasses) {
    if (name == one.name) return one;
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  refuse(config, "'image_processor_type' must be one of " + known + ", got " + name +
                     "; pictures for this model cannot be prepared");
}

void check_keys(const Config& config) {
  for (const std::string& key : config.keys()) {
    if (std::find(std::begin(kKnown), std::end(kKnown), key) != std::end(kKnown)) continue;
    if (!config.has(key) || config.is_false(key)) continue;  // a step that is switched off
    refuse(config,
           "'" + key + "' is a setting of pictures that reel does not know; remove it if it changes nothing");
  }
  if (config.text("data_format", "channels_first") != "channels_first")
    refuse(config,
           "'data_format' must be channels_first, got " + config.text("data_format", "") + "; remove it");
}

int64_t side_of(const Config& config, const std::string& key) { return config.bounded(key, 0, 1, kLargest); }

/// `size` or `crop_size`: a number, a list of height and width, or an object with these.
struct Target {
  std::optional<Size> size;
  int64_t shortest_edge = 0;
};

Target target_of(const Config& config, const std::string& key, bool square, Target absent) {
  if (!config.has(key)) return absent;
  if (config.is_number(key)) {
    const int64_t value = side_of(config, key);
    return square ? Target{Size{value, value}} : Target{std::nullopt, value};
  }
  if (config.is_list(key)) {
    const std::vector<int64_t> sides = config.integers(key, {});
    if (sides.size() != 2 || sides[0] < 1 || sides[1] < 1 || sides[0] > kLargest || sides[1] > kLargest)
      refuse(config, "'" + key + "' must be a number or height and width from 1 to 16384; correct the file");
    return {Size{sides[0], sides[1]}};
  }
  const Config object = config.object(key);
  const std::vector<std::string> keys = object.keys();
  if (keys == std::vector<std::string>{"shortest_edge"}) return {std::nullopt, side_of(object, keys[0])};
  if (keys == std::vector<std::string>{"height", "width"})
    return {Size{side_of(object, keys[0]), side_of(object, keys[1])}};
  std::string all;
  for (const std::string& one : keys) all += (all.empty() ? "" : ", ") + one;
  refuse(config, "'" + key + "' must have height and width, or shortest_edge, got " +
                     (all.empty() ? "nothing" : all) + "; other sizes are not known");
}

/// Three numbers, or one that stands for all.
std::array<double, 3> channels(const Config& config, const std::string& key, std::array<double, 3> absent) {
  if (config.is_number(key)) {
    const double value = config.number(key, 0);
    return {value, value, value};
  }
  const std::vector<double> values = config.numbers(key, {absent.begin(), absent.end()});
  if (values.size() != 3) {
    refuse(config, "'" + key + "' must be one number or three, got " + std::to_string(values.size()) +
                       "; correct the file");
  }
  return {values[0], values[1], values[2]};
}

/// int(255 * mean), as Python cuts it.
std::array<uint8_t, 3> background_of(const Config& config, const std::array<double, 3>& mean) {
  std::array<uint8_t, 3> colour{};
  for (size_t c = 0; c < 3; ++c) {
    if (!(mean[c] >= 0 && mean[c] <= 1))
      refuse(config, "'image_mean' must lie in 0 to 1 to colour what is padded; correct the file");
    colour[c] = static_cast<uint8_t>(mean[c] * 255);
  }
  return colour;
}

bool pads(const Config& config, const Defaults& defaults, const std::string& aspect_ratio) {
  if (aspect_ratio == "pad") return true;
  if (aspect_ratio == "square") return false;
  if (!aspect_ratio.empty()) {
    throw std::invalid_argument("[image_aspect_ratio] must be pad or square, got " + aspect_ratio +
                                "; pictures in tiles are not known yet");
  }
  const bool asked = config.flag("do_pad", false);
  if (asked && !defaults.may_pad) {
    refuse(config, std::string("'do_pad' is known of LlavaImageProcessor only, got it for ") + defaults.name +
                       "; remove it, or name that class");
  }
  return asked;
}

}  // namespace

ImageSteps read_image_steps(const Config& config, const std::string& aspect_ratio) {
  const Defaults& defaults = class_of(config);
  check_keys(config);
  ImageSteps steps;
  const std::array<double, 3> mean = channels(config, "image_mean", defaults.mean);
  steps.pad_to_square = pads(config, defaults, aspect_ratio);
  if (steps.pad_to_square) steps.background = background_of(config, mean);
  if (config.flag("do_resize", true)) {
    const Target usual =
        defaults.square ? Target{Size{kDefaultSide, kDefaultSide}} : Target{std::nullopt, kDefaultSide};
    const Target target = target_of(config, "size", config.flag("default_to_square", false), usual);
    steps.size = target.size, steps.shortest_edge = target.shortest_edge;
    steps.filter = static_cast<Filter>(config.bounded("resample", 3, 0, 5));
  }
  if (config.flag("do_center_crop", defaults.crops)) {
    steps.crop = target_of(config, "crop_size", true, {Size{kDefaultSide, kDefaultSide}}).size;
    if (!steps.crop)
      refuse(config, "'crop_size' must have height and width, got shortest_edge; correct the file");
  }
  if (config.flag("do_rescale", true)) steps.rescale = config.number("rescale_factor", 1.0 / 255);
  if (config.flag("do_normalize", true)) {
    steps.normal = ImageSteps::Normal{mean, channels(config, "image_std", defaults.std)};
    for (const double std : steps.normal->std)
      if (std == 0) refuse(config, "'image_std' must not be 0; correct the file");
  }
  return steps;
}

Config image_processor_config(const std::string& folder) {
  const std::string whole = folder + "/processor_config.json", own = folder + "/preprocessor_config.json";
  if (has_input(whole)) {
    const Config config = Config::read(whole);
    if (config.has("image_processor")) return config.object("image_processor");
  }
  return Config::read(own);
}

}  // namespace reel::models
