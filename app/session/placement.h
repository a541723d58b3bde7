// Where a run computes, and in which number format.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <optional>
#include <string>

#include "app/session/common_options.h"

namespace reel::app {

struct Placement {
  at::Device device = at::kCPU;
  std::optional<at::ScalarType> dtype;  // empty: the best for the model
};

/// Reads --device and --dtype, and sets the number of CPU threads by --threads. Throws: std::invalid_argument
/// for a device of another form; std::runtime_error for a device that is absent.
Placement place(const CommonOptions& options);

/// `f32`, `bf16` or `f16`, as --dtype is written.
std::string dtype_name(at::ScalarType dtype);

}  // namespace reel::app
