#include "pipeline/captioning/familiarity.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>
#include <stdexcept>

#include "models/files/input/input_file.h"
#include "models/files/tensor_file.h"

namespace reel::pipeline {

std::optional<Familiarity> Familiarity::read(const std::string& folder) {
  const std::string file = folder + "/familiar.safetensors";
  if (!models::has_input(file)) return std::nullopt;
  const auto tensor = [&](const char* name) {
    return models::read_tensor(file, name).to(at::kFloat).clone();
  };
  const at::Tensor mean = tensor("mean"), whitening = tensor("whitening"), threshold = tensor("threshold");
  if (mean.dim() != 1 || mean.numel() == 0 || whitening.dim() != 2 || whitening.size(0) != mean.size(0) ||
      whitening.size(1) != mean.size(0) || threshold.numel() != 1) {
    throw std::runtime_error(c10::str(
        "[", file, "] must hold mean [D], whitening [D, D] and threshold [1], got ", mean.sizes(), ", ",
        whitening.sizes(), " and ", threshold.sizes(), "; fetch the file again, or remove it"));
  }
  return Familiarity(mean, whitening, threshold.item<double>());
}

double Familiarity::distance(const at::Tensor& features) const {
  if (features.size(-1) != mean_.size(0))
    throw std::runtime_error(c10::str("[familiar.safetensors] is of features of width ", mean_.size(0),
                                      ", and the model's have ", features.size(-1), "; remove the file"));
  const at::Tensor pooled = features.to(at::kCPU, at::kFloat).mean(0) - mean_;
  return at::mv(whitening_, pooled).norm().item<double>() / std::sqrt(double(mean_.size(0)));
}

}  // namespace reel::pipeline
