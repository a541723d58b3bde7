#include "app/session/placement.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace reel::app {

std::string dtype_name(at::ScalarType dtype) {
  return dtype == at::kFloat      ? "f32"
         : dtype == at::kBFloat16 ? "bf16"
         : dtype == at::kHalf     ? "f16"
                                  : c10::toString(dtype);
}

namespace {

/// A processor has no number: there is one.
at::Device read_device(const std::string& text) {
  try {
    const at::Device device(text);
    if ((device.is_cpu() && !device.has_index()) || device.is_cuda()) return device;
  } catch (const c10::Error&) {
  }
  throw std::invalid_argument("[--device] must be auto, cpu, cuda or cuda:N, got '" + text +
                              "'; the default is auto");
}

}  // namespace

Placement place(const CommonOptions& options) {
  Placement placement;
  const bool cuda = at::hasCUDA();
  if (options.device == "auto") {
    if (cuda) placement.device = at::Device("cuda");
  } else {
    placement.device = read_device(options.device);
    if (placement.device.is_cuda() && !cuda) {
      throw std::runtime_error(
          "[--device] this machine or build has no CUDA device; use --device cpu, or see reel doctor");
    }
    const int devices = cuda ? at::detail::getCUDAHooks().deviceCount() : 0;
    if (placement.device.is_cuda() && placement.device.index() >= devices) {
      throw std::runtime_error("[--device] this machine has " + std::to_string(devices) + " CUDA device" +
                               (devices == 1 ? "" : "s") + ", counted from cuda:0, got '" + options.device +
                               "'; see reel doctor");
    }
  }
  if (options.dtype == "f32") placement.dtype = at::kFloat;
  if (options.dtype == "bf16") placement.dtype = at::kBFloat16;
  if (options.dtype == "f16") placement.dtype = at::kHalf;
  const int threads = options.threads > 0
                          ? options.threads
                          : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  at::set_num_threads(threads);
  return placement;
}

}  // namespace reel::app
