// Memory of this process, as the system counts it.
#pragma once

#include <cstdint>

namespace reel::pipeline {

/// Resident memory now, and the most there ever was; in bytes, 0 where the system does not tell.
struct ProcessMemory {
  int64_t resident = 0, peak = 0;
};
ProcessMemory process_memory();

}  // namespace reel::pipeline
