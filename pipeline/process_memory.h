// Memory of this process, as the system and LibTorch count it.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace reel::pipeline {

/// Resident memory now, and the most there ever was; in bytes, 0 where the system does not tell.
struct ProcessMemory {
  int64_t resident = 0, peak = 0;
};
ProcessMemory process_memory();

/// The most bytes that tensors took on a device at one time; 0 for the CPU.
int64_t peak_tensor_bytes(c10::Device device);

}  // namespace reel::pipeline
