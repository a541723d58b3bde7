// Whether a picture is of the kind that a captioner was trained on.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace reel::pipeline {

/// Measures how far the mean of a picture's features lies from those of the training pictures, by their covariance (the
/// Mahalanobis distance over the square root of the width). Read from `familiar.safetensors` in the model's folder: `mean`
/// [width], `whitening` [width, width] (the inverse of the covariance's lower Cholesky factor) and `threshold` [1], all f32.
/// Source: Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples", 2018.
class Familiarity {
 public:
  /// Nullopt if the folder has no such file. Throws: std::runtime_error if the file is malformed.
  static std::optional<Familiarity> read(const std::string& folder);

  /// features: [tokens, width] of one picture, in any type, on any device.
  double distance(const at::Tensor& features) const;
  bool knows(const at::Tensor& features) const { return distance(features) <= threshold_; }

 private:
  Familiarity(at::Tensor mean, at::Tensor whitening, double threshold)
      : mean_(std::move(mean)), whitening_(std::move(whitening)), threshold_(threshold) {}
  at::Tensor mean_, whitening_;
  double threshold_;
};

}  // namespace reel::pipeline
