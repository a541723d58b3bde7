#include "pipeline/process_memory.h"

#include <fstream>
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

}  // namespace reel::pipeline
