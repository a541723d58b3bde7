#include "pipeline/process_memory.h"

#include <c10/core/CachingDeviceAllocator.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace reel::pipeline {

bool is_out_of_memory(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) ||
         text.find("allocate memory") != std::string::npos ||
         text.find("not enough memory") != std::string::npos;
}

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
  for (const char* limit : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(limit);
    int64_t bytes = 0;
    if (file >> bytes && bytes > 0) memory.total = std::min(memory.total, bytes);  // "max" is no number
  }
  memory.available = std::min(memory.available, memory.total);
  return memory;
}

int64_t peak_tensor_bytes(c10::Device device) {
  if (device.is_cpu()) return 0;
  const auto index = std::max<c10::DeviceIndex>(device.index(), 0);
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(index);
  return stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
}

}  // namespace reel::pipeline
