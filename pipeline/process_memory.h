// Memory of this process and of the machine, as the system and LibTorch count it.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace reel::pipeline {

/// Resident memory now and at its peak so far, in bytes; 0 if the system does not tell.
struct ProcessMemory {
  int64_t resident = 0, peak = 0;
};
ProcessMemory process_memory();

/// Memory of the machine, in bytes: all, and what programs can still get. The largest number if the system does not
/// tell.
struct MachineMemory {
  int64_t total, available;
};
MachineMemory machine_memory();

/// The most bytes that tensors have taken on a device at one time; 0 for the CPU.
int64_t peak_tensor_bytes(c10::Device device);

}  // namespace reel::pipeline
