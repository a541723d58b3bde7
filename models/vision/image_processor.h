// What turns a picture into the input of a vision tower: transformers' image processors, as a folder's
// preprocessor_config.json (or processor_config.json) sets them.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <string>
#include <vector>

#include "models/vision/image_steps.h"

namespace reel::models {

/// transformers' CLIPImageProcessor, LlavaImageProcessor and SiglipImageProcessor. Results equal those of their PIL backend
/// to the last bit; the torchvision backend, which transformers prefers if it is installed, rounds otherwise as it
/// resizes (by 1 of 255 in some pixels).
class ImageProcessor {
 public:
  /// That of a model folder. Throws: as image_processor_config and read_image_steps.
  static ImageProcessor read(const std::string& folder, const std::string& aspect_ratio = "");

  explicit ImageProcessor(ImageSteps steps);

  /// `picture`: uint8 [H, W, 3], contiguous. Returns pixel_values, f32 [3, h, w]: as result_size().
  at::Tensor operator()(const at::Tensor& picture) const;
  /// f32 [P, 3, h, w] of P pictures, in parallel. Throws: std::invalid_argument if there are none, or their results
  /// differ in size.
  at::Tensor batch(const std::vector<at::Tensor>& pictures) const;

  /// The size of the result. Throws: std::invalid_argument if it is beyond 2^26 pixels (a long strip without a crop).
  Size result_size(Size picture) const;
  const ImageSteps& steps() const { return steps_; }

 private:
  void fill(const at::Tensor& picture, float* values) const;

  ImageSteps steps_;
  std::array<std::array<float, 256>, 3> values_;  // of each byte, by channel
};

}  // namespace reel::models
