#include "models/default_dtype.h"

#include "models/files/checkpoint.h"

namespace reel::models {
namespace {

/// Whether all floating-point tensors are at most two bytes wide.
bool stored_in_half(const Checkpoint& checkpoint) {
  bool any = false;
  for (const std::string& name : checkpoint.names()) {
    const at::ScalarType dtype = checkpoint.info(name).dtype;
    if (!at::isFloatingType(dtype)) continue;
    if (at::elementSize(dtype) > 2) return false;
    any = true;
  }
  return any;
}

}  // namespace

bool processor_has_bf16() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

at::ScalarType default_dtype(bool stored_in_half, bool bf16_units, at::Device device) {
  if (!device.is_cpu()) return at::kHalf;
  return stored_in_half && bf16_units ? at::kBFloat16 : at::kFloat;
}

at::ScalarType default_dtype(const ComponentFiles& files, at::Device device) {
  bool half = device.is_cpu();
  if (half) {
    for (const Checkpoint& checkpoint : open_checkpoints(files)) half = half && stored_in_half(checkpoint);
  }
  return default_dtype(half, processor_has_bf16(), device);
}

}  // namespace reel::models
