// A file of named tensors, whatever its format: a memory map, and a table of what lies where in it.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/files/mapped_file.h"

namespace reel::models {

/// Limits beyond which a file is refused before memory is taken for what it claims.
constexpr size_t kMaxTensors = 1'000'000, kMaxRank = 8, kMaxTensorNameBytes = 1024;

/// Where a tensor lies in its file. begin and end count bytes from the start of the file: its first byte, and
/// the byte after its last one.
struct TensorInfo {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;
  std::vector<int64_t> strides;  // in elements; empty: contiguous
  /// Bytes of the elements; less than end - begin if the strides leave gaps.
  int64_t bytes() const;
  /// `count` rows (elements of the first dimension) from `first` on, which must exist.
  TensorInfo rows(int64_t first, int64_t count) const;
};

/// Bytes of a tensor of that shape (sizes at least 0). Empty if no memory could hold them, even if one size
/// is 0 and only the others are too large: LibTorch computes strides from those.
std::optional<uint64_t> checked_bytes(at::ScalarType dtype, at::IntArrayRef shape);

/// A subclass per format fills in the table and guarantees that every extent in it lies within the file.
/// Tensors are views of the map and keep it alive; pages are read when first touched.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  TensorFile(const TensorFile&) = delete;
  TensorFile& operator=(const TensorFile&) = delete;

  /// Opens a file in the format that its ending states: a PyTorch checkpoint (.ckpt, .pt, .pth, .bin), else
  /// safetensors. Throws: as PyTorchFile::open and SafetensorsFile::open.
  static std::shared_ptr<const TensorFile> open(const std::string& path);

  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  /// Texts that the file carries beside the tensors; none in PyTorch's format.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& path() const { return map_.path(); }

  /// A contiguous tensor: a zero-copy view, or a copy if the file misaligns it or its strides leave gaps.
  /// Read-only by convention. `info`: an entry of the table, or rows of one.
  static at::Tensor view(const std::shared_ptr<const TensorFile>& file, const TensorInfo& info);
  /// Throws: std::runtime_error if there is no such tensor.
  static at::Tensor view(const std::shared_ptr<const TensorFile>& file, const std::string& name);

  /// Tells the system that the pages of this tensor are not needed again soon (after conversion).
  void release(const TensorInfo& info) const { map_.release(info.begin, info.end); }

 protected:
  explicit TensorFile(const std::string& path) : map_(path) {}
  MappedFile map_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Reads one tensor of a file into memory of its own. Throws with the names present if it is missing.
at::Tensor read_tensor(const std::string& path, const std::string& name);

}  // namespace reel::models
