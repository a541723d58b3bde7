// One safetensors file: reading by memory map, with the header treated as hostile input, and writing.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "models/files/tensor_file.h"

namespace reel::models {

/// A memory-mapped safetensors file.
class SafetensorsFile : public TensorFile {
 public:
  /// Checks everything before a byte of data is trusted: header length (at most 100 MB, within the file),
  /// JSON, no duplicate names, known dtypes, shapes whose product matches the offsets (in 128 bits), offsets
  /// that cover the data without hole or overlap; at most 1,000,000 tensors of rank at most 8, names of at
  /// most 1 KiB, metadata of less than 200,000 texts. Throws: std::runtime_error "[path] ...".
  static std::shared_ptr<const SafetensorsFile> open(const std::string& path);

 private:
  explicit SafetensorsFile(const std::string& path) : TensorFile(path) {}
};

/// Writes tensors (moved to the CPU and made contiguous as needed) through a temporary file and a rename.
/// `permissions`: as PartFile. Throws: std::runtime_error if the disk is full, the folder missing, the file there (unless `overwrite`), ...
void write_safetensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {}, bool overwrite = true,
                       unsigned permissions = 0666);

}  // namespace reel::models
