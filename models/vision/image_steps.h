// The steps of an image processor, as a preprocessor_config.json sets them.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "models/files/config.h"
#include "models/vision/resample.h"

namespace reel::models {

/// In the order in which they are done; absent ones are switched off.
struct ImageSteps {
  bool pad_to_square = false;  // with `background`, the picture in the middle
  std::array<uint8_t, 3> background = {0, 0, 0};
  std::optional<Size> size;          // to resize to,
  int64_t shortest_edge = 0;         // or what the shorter edge becomes, unless 0
  Filter filter = Filter::kBicubic;  // of resizing
  std::optional<Size> crop;          // from the centre; black where the picture is smaller
  std::optional<double> rescale;     // the factor of bytes
  struct Normal {
    std::array<double, 3> mean, std;
  };
  std::optional<Normal> normal;  // (value - mean) / std
};

/// Reads the settings of CLIPImageProcessor, LlavaImageProcessor or SiglipImageProcessor, with Fast, Pil or
/// FeatureExtractor in their names, too; absent keys have the defaults of the class.
/// `aspect_ratio`: the original LLaVA's `image_aspect_ratio`, which decides over the file: "pad" (to a square with the
/// mean's colour, as LlavaImageProcessor's do_pad), "square" (no padding), "" (as the file says).
/// Source: transformers 5.23, image_processing_backends.py and image_processing_pil_{clip,llava,siglip}.py.
/// Throws: std::runtime_error "[place] ..." for another class, a key that would change the result and is not known,
/// sizes beyond 1 to 16384; std::invalid_argument for another `aspect_ratio`.
ImageSteps read_image_steps(const Config& config, const std::string& aspect_ratio = "");

/// The settings of a model folder: the object `image_processor` of processor_config.json, else preprocessor_config.json.
/// Throws: std::runtime_error as Config::read does, and if neither file has any.
Config image_processor_config(const std::string& folder);

}  // namespace reel::models
