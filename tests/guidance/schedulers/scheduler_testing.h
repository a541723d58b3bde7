// What the scheduler tests share: making schedulers from a few words of JSON, and fixed tensors.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "guidance/scheduler.h"
#include "tests/support/golden.h"

namespace reel::guidance {

/// Every scheduler of the program.
inline const SchedulerRegistry& registry() {
  static const SchedulerRegistry filled = [] {
    SchedulerRegistry registry;
    register_schedulers(registry);
    return registry;
  }();
  return filled;
}

/// Schedulers on a schedule of betas; flow-matching ones have laws of their own.
inline std::vector<std::string> diffusion_schedulers() {
  std::vector<std::string> names;
  for (const SchedulerEntry& entry : registry()) {
    const bool flow =
        std::any_of(entry.diffusers_classes.begin(), entry.diffusers_classes.end(),
                    [](const std::string& name) { return name.find("Flow") != std::string::npos; });
    if (!flow) names.push_back(entry.spec.name);
  }
  return names;
}

inline models::Config config_of(const std::string& text) { return models::Config::parse(text, "test.json"); }

inline const std::string kScaled =
    R"("beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear")";

/// `json`: the members of a scheduler_config.json, without the braces.
inline std::unique_ptr<Scheduler> make(const std::string& json, const std::string& choice, int steps) {
  return make_scheduler(registry(), config_of("{" + json + "}"), choice, steps);
}

/// What make() throws, or "no error".
inline std::string error_of(const std::string& json, const std::string& choice, int steps) {
  try {
    make(json, choice, steps);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

/// A fixed, non-repeating pattern in [-1.5, 1.5].
inline at::Tensor pattern(const std::vector<int64_t>& shape, int64_t seed) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return (at::arange(count, at::kFloat) * 0.7548777f + 0.31f * static_cast<float>(seed))
      .sin()
      .mul(1.5)
      .reshape(shape);
}

inline const std::vector<int64_t> kShape = {2, 3, 2, 2, 2};

}  // namespace reel::guidance
