#include "pipeline/process_memory.h"

#include <c10/core/CachingDeviceAllocator.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace reel::pipeline {

ProcessMemory process_memory() {
  ProcessMemory memory;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    const auto kilobytes = [&](size_t label) { return std::stoll(line.substr(label)) * 1024; };
    if (line.starts_with("VmHWM:")) memory.peak = kilobytes(6);
    if (line.starts_with("VmRSS:")) memory.resident = kilobytes(6);
  }
  return memory;
}

MachineMemory machine_memory() {
  constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();
  MachineMemory memory{kUnknown, kUnknown};
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("MemTotal:")) memory.total = std::stoll(line.substr(9)) * 1024;
    if (line.starts_with("MemAvailable:")) memory.available = std::stoll(line.substr(13)) * 1024;
  }
  return memory;
}

int64_t peak_tensor_bytes(c10::Device device) {
  if (device.is_cpu()) return 0;
  const auto index = std::max<c10::DeviceIndex>(device.index(), 0);
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(index);
  return stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
}

}  // namespace reel::pipeline
