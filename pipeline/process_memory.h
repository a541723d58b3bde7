// Memory of this process and of the machine, as the system and LibTorch count it.
#pragma once

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <stdexcept>

namespace reel::pipeline {

/// A task that needs more memory than there is.
class TooLittleMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Whether LibTorch says that there is no memory, on the host or a device: its allocator for the host has no error of
/// its own for that.
bool is_out_of_memory(const c10::Error& error);

/// Resident memory now and at its peak so far, in bytes; 0 if the system does not tell.
struct ProcessMemory {
  int64_t resident = 0, peak = 0;
};
ProcessMemory process_memory();

/// Memory of the machine, or of the container (cgroup) that the program runs in, in bytes: all, and what programs can
/// still get. The largest number if the system does not
/// tell.
struct MachineMemory {
  int64_t total, available;
};
MachineMemory machine_memory();

/// The most bytes that tensors have taken on a device at one time; 0 for the CPU.
int64_t peak_tensor_bytes(c10::Device device);

}  // namespace reel::pipeline
