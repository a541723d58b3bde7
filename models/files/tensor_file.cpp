#include "models/files/tensor_file.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cstring>

#include "models/files/pytorch_file.h"
#include "models/files/safetensors.h"

namespace reel::models {

int64_t TensorInfo::bytes() const { return static_cast<int64_t>(checked_bytes(dtype, shape).value_or(0)); }

TensorInfo TensorInfo::rows(int64_t first, int64_t count) const {
  TensorInfo part = *this;
  part.shape.at(0) = count;
  const uint64_t width = at::elementSize(dtype);
  const uint64_t row =
      static_cast<uint64_t>(bytes() / std::max(shape[0], int64_t{1}));  // bytes of one, contiguous
  const uint64_t stride = strides.empty() ? row : static_cast<uint64_t>(strides[0]) * width;
  if (part.bytes() == 0) {
    part.end = begin;
    return part;
  }
  part.begin = begin + static_cast<uint64_t>(first) * stride;
  part.end = end - static_cast<uint64_t>(shape[0] - first - count) * stride;
  return part;
}

std::optional<uint64_t> checked_bytes(at::ScalarType dtype, at::IntArrayRef shape) {
  unsigned __int128 bytes = at::elementSize(dtype);
  bool empty = false;
  for (const int64_t size : shape) {
    empty |= size == 0;
    bytes *= static_cast<uint64_t>(std::max(size, int64_t{1}));
    if (bytes > uint64_t{INT64_MAX}) return std::nullopt;
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

std::shared_ptr<const TensorFile> TensorFile::open(const std::string& path) {
  for (const char* ending : {".ckpt", ".pt", ".pth", ".bin"}) {
    if (path.ends_with(ending)) return PyTorchFile::open(path);
  }
  return SafetensorsFile::open(path);
}

at::Tensor TensorFile::view(const std::shared_ptr<const TensorFile>& file, const TensorInfo& info) {
  if (info.begin == info.end) return at::empty(info.shape, info.dtype);
  char* data = file->map_.data() + info.begin;
  std::function<void(void*)> keep = [file](void*) {};
  if (info.begin % at::elementSize(info.dtype) != 0) {
    const at::Tensor copy = at::empty({static_cast<int64_t>(info.end - info.begin)}, at::kByte);
    std::memcpy(copy.mutable_data_ptr(), data, info.end - info.begin);
    data = static_cast<char*>(copy.mutable_data_ptr());
    keep = [copy](void*) {};
  }
  if (info.strides.empty()) return at::from_blob(data, info.shape, std::move(keep), info.dtype);
  return at::from_blob(data, info.shape, info.strides, std::move(keep), info.dtype).contiguous();
}

at::Tensor TensorFile::view(const std::shared_ptr<const TensorFile>& file, const std::string& name) {
  const auto found = file->tensors_.find(name);
  if (found == file->tensors_.end()) {
    throw std::runtime_error("[" + file->path() + "] has no tensor '" + name + "'");
  }
  return view(file, found->second);
}

at::Tensor read_tensor(const std::string& path, const std::string& name) {
  const auto file = TensorFile::open(path);
  if (!file->tensors().count(name)) {
    std::string present;
    for (const auto& entry : file->tensors()) present += (present.empty() ? "" : ", ") + entry.first;
    throw std::runtime_error("[" + path + "] has no tensor '" + name + "'; it has " + present.substr(0, 400));
  }
  return TensorFile::view(file, name).clone();
}

}  // namespace reel::models
