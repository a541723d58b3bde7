// What is fixed for the life of an engine: where it computes, what it keeps, where it looks and writes.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace reel::pipeline {

struct EngineOptions {
  at::Device device = at::kCPU;
  std::optional<at::ScalarType> dtype = {};   // empty: the device's best for each component
  size_t cache_bytes = size_t{4} << 30;       // outputs kept in memory for later runs
  std::string cache_dir = {};                 // keeps outputs on disk for later processes; empty: none
  size_t disk_cache_bytes = size_t{8} << 30;  // at most so much there
  size_t model_bytes = 0;                     // weights kept for later runs; 0: half of the machine's memory
  int64_t host_bytes = 0;                     // memory that a run may take; 0: the machine's
  std::vector<std::string> models_dirs = {};  // searched for models by name, before the usual places
  std::string output_folder = "output";       // of nodes that choose their files' names
  /// Told of each output when it is complete, before it gets its name: the path, and the file_stamp() that it
  /// will have.
  std::function<void(const std::string& path, const std::string& stamp)> before_naming = {};
};

}  // namespace reel::pipeline
