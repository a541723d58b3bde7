// One safetensors file: reading by memory map, with the header treated as hostile input, and writing.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace reel::models {

/// Where a tensor lies in its file. begin and end are bytes from the start of the file.
struct TensorInfo {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;
};

/// A memory-mapped file. Tensors are views of the map and keep it alive; pages are read when first touched.
class SafetensorsFile {
 public:
  /// Checks everything before a byte of data is trusted: header length (at most 100 MB, within the file),
  /// JSON, no duplicate names, known dtypes, shapes whose product matches the offsets (in 128 bits), offsets
  /// that cover the data without hole or overlap; at most 1,000,000 tensors of rank at most 8, names of at
  /// most 1 KiB, metadata of less than 200,000 texts. Throws: std::runtime_error "[path] ...".
  static std::shared_ptr<const SafetensorsFile> open(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& path() const { return path_; }

  /// A zero-copy view (a copy only if the file misaligns the tensor). Read-only by convention.
  /// Throws: std::runtime_error if there is no such tensor.
  static at::Tensor view(const std::shared_ptr<const SafetensorsFile>& file, const std::string& name);

  /// Tells the system that the pages of this tensor are not needed again soon (after conversion).
  void release(const TensorInfo& info) const;

 private:
  SafetensorsFile() = default;
  std::string path_;
  void* map_ = nullptr;
  uint64_t bytes_ = 0;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Writes tensors (moved to the CPU and made contiguous as needed) through a temporary file and a rename.
/// Throws: std::runtime_error if the disk is full, the folder missing, ...
void write_safetensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// Reads one tensor of a file into memory of its own. Throws with the names present if it is missing.
at::Tensor read_tensor(const std::string& path, const std::string& name);

}  // namespace reel::models
