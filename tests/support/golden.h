// Reads the small reference tensors under tests/golden/. For tests only: it trusts its files.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace reel {

/// A safetensors file held in memory. Usage: Golden golden("vae/tiny/golden.safetensors"); golden["latent"].
class Golden {
 public:
  /// `path`: absolute, or relative to tests/golden/.
  explicit Golden(const std::string& path)
      : path_(path.front() == '/' ? path : std::string(REEL_GOLDEN "/") + path) {
    std::ifstream stream(path_, std::ios::binary);
    uint64_t header_bytes = 0;
    if (!stream.read(reinterpret_cast<char*>(&header_bytes), 8))
      throw std::runtime_error("cannot read " + path_);
    std::string header(header_bytes, '\0');
    stream.read(header.data(), static_cast<std::streamsize>(header_bytes));
    entries_ = nlohmann::json::parse(header);
    data_.assign(std::istreambuf_iterator<char>(stream), {});
  }

  /// A fresh CPU tensor in the stored type. Throws: std::runtime_error, with the known names, if there is
  /// none.
  at::Tensor operator[](const std::string& name) const {
    if (!has(name))
      throw std::runtime_error(path_ + " has no tensor '" + name + "', only: " + joined_names());
    const nlohmann::json& entry = entries_.at(name);
    const auto offsets = entry.at("data_offsets").get<std::vector<size_t>>();
    const auto shape = entry.at("shape").get<std::vector<int64_t>>();
    at::Tensor tensor =
        at::empty(shape, at::TensorOptions(scalar_type(entry.at("dtype").get<std::string>())));
    if (offsets.at(1) > data_.size() || tensor.nbytes() != offsets[1] - offsets[0]) {
      throw std::runtime_error(path_ + ": '" + name + "' does not fit its bytes");
    }
    if (tensor.nbytes() > 0)
      std::memcpy(tensor.mutable_data_ptr(), data_.data() + offsets[0], tensor.nbytes());
    return tensor;
  }

  bool has(const std::string& name) const { return name != "__metadata__" && entries_.contains(name); }

  /// All tensors, in alphabetical order.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& item : entries_.items()) {
      if (item.key() != "__metadata__") all.push_back(item.key());
    }
    return all;
  }

  /// A text stored beside the tensors, or "" if there is none.
  std::string metadata(const std::string& key) const {
    return entries_.contains("__metadata__") ? entries_.at("__metadata__").value(key, "") : "";
  }

 private:
  static at::ScalarType scalar_type(const std::string& name) {
    if (name == "F64") return at::kDouble;
    if (name == "F32") return at::kFloat;
    if (name == "F16") return at::kHalf;
    if (name == "BF16") return at::kBFloat16;
    if (name == "I64") return at::kLong;
    if (name == "I32") return at::kInt;
    if (name == "I16") return at::kShort;
    if (name == "I8") return at::kChar;
    if (name == "U8") return at::kByte;
    if (name == "BOOL") return at::kBool;
    throw std::runtime_error("golden tensors of type " + name + " are not read yet");
  }
  std::string joined_names() const {
    std::string all;
    for (const std::string& name : names()) all += (all.empty() ? "" : ", ") + name;
    return all;
  }

  std::string path_;
  nlohmann::json entries_;
  std::vector<char> data_;
};

/// Passes when shapes are equal and every |actual - expected| <= atol + rtol * |expected|; NaN never passes.
/// Usage: EXPECT_TRUE(close(actual, golden["expected"], 1e-5, 1e-5)).
inline ::testing::AssertionResult close(const at::Tensor& actual, const at::Tensor& expected, double rtol,
                                        double atol) {
  if (actual.sizes() != expected.sizes()) {
    return ::testing::AssertionFailure() << "shape " << actual.sizes() << ", expected " << expected.sizes();
  }
  if (expected.numel() == 0) return ::testing::AssertionSuccess();
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble),
                   e = expected.detach().to(at::kCPU, at::kDouble);
  const at::Tensor excess = ((a - e).abs() - rtol * e.abs()).flatten();
  const at::Tensor bad = excess.le(atol).logical_not();  // written so that NaN counts as bad
  if (!bad.any().item<bool>()) return ::testing::AssertionSuccess();
  const int64_t first = bad.to(at::kInt).argmax().item<int64_t>();
  return ::testing::AssertionFailure()
         << bad.sum().item<int64_t>() << " of " << a.numel() << " values differ; the first, at flat index "
         << first << ", is " << a.flatten()[first].item<double>() << ", expected "
         << e.flatten()[first].item<double>() << "; largest |difference| "
         << (a - e).abs().max().item<double>();
}

}  // namespace reel
