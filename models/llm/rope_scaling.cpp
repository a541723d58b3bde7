#include "models/llm/rope_scaling.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <numbers>
#include <stdexcept>

#include "attention/plugin/spec.h"

namespace reel::models {
namespace {

double positive(const Config& config, const std::string& key, double absent) {
  const double value = config.number(key, absent);
  if (value > 0) return value;
  throw std::runtime_error("[" + config.place() + "] '" + key + "' must be " +
                           (config.has(key) ? "greater than 0, got " + to_text(value) : "there") +
                           "; correct the file or fetch it again");
}

/// Frequencies of long waves divided by `factor`, those of short ones as they are, and a blend of both between.
at::Tensor of_llama3(const at::Tensor& frequencies, const Config& rope, double original) {
  const double factor = positive(rope, "factor", 0), low = positive(rope, "low_freq_factor", 0),
               high = positive(rope, "high_freq_factor", 0);
  if (high <= low) {
    throw std::runtime_error("[" + rope.place() +
                             "] 'high_freq_factor' must be greater than 'low_freq_factor', got " +
                             to_text(high) + " and " + to_text(low) + "; correct the file or fetch it again");
  }
  const at::Tensor waves =
      original * frequencies / (2 * std::numbers::pi);  // in the context of the first training
  const at::Tensor share = ((waves - low) / (high - low)).clamp(0, 1);  // of the frequency as it is
  return (1 - share) * frequencies / factor + share * frequencies;
}

}  // namespace

attention::Rotary read_rotary(const Config& config, int64_t head_width, int64_t max_tokens) {
  const std::string key = config.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
  const Config rope = config.object(key);
  const std::string type = rope.text("rope_type", rope.text("type", "default"));
  if (type != "default" && type != "linear" && type != "llama3") {
    throw std::runtime_error("[" + config.place() + "] '" + key + "' is of type '" + type.substr(0, 60) +
                             "', which is not supported; supported are default, linear and llama3");
  }
  const double part = rope.number("partial_rotary_factor", config.number("partial_rotary_factor", 1));
  if (part != 1) {
    throw std::runtime_error("[" + config.place() + "] 'partial_rotary_factor' must be 1, got " +
                             to_text(part) + "; heads that turn in part are not supported");
  }
  const Config& theta_at = rope.has("rope_theta") ? rope : config;
  attention::Rotary rotary = attention::Rotary::plain(head_width, positive(theta_at, "rope_theta", 10000));
  if (type == "linear") rotary.frequencies = rotary.frequencies / positive(rope, "factor", 0);
  if (type == "llama3") {
    const std::string original = "original_max_position_embeddings";
    const Config& original_at = config.has(original) ? config : rope;
    rotary.frequencies =
        of_llama3(rotary.frequencies, rope, positive(original_at, original, static_cast<double>(max_tokens)));
  }
  return rotary;
}

}  // namespace reel::models
