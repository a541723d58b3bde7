// A checkpoint: the tensors of one model component, from one file or from shards.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "models/files/tensor_file.h"

namespace reel::models {

/// Named tensors, possibly of several files and under other names than in them.
class Checkpoint {
 public:
  /// Opens a .safetensors file or a PyTorch checkpoint (.ckpt, .pt, .pth, .bin), an index of shards
  /// (*.safetensors.index.json, *.bin.index.json; shards may not leave its folder), or a component folder
  /// holding one of them (diffusion_pytorch_model, model, pytorch_model; also with `.fp16` in the name; where
  /// there are both formats, safetensors). Throws: std::runtime_error naming what was looked for.
  static Checkpoint open(const std::string& path);

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  std::vector<std::string> names() const;
  const TensorInfo& info(const std::string& name) const;
  at::Tensor view(const std::string& name) const;
  void release(const std::string& name) const;

  /// Gives every tensor the name that `rule` returns; "" drops it.
  /// Throws: std::runtime_error if two tensors would share a name.
  void rename(const std::function<std::string(const std::string&)>& rule);

  /// Replaces a tensor by equal parts of its rows, in their order, as tensors named `parts`.
  /// Throws: std::runtime_error if its rows do not divide, or there is a tensor of such a name already.
  void split_rows(const std::string& name, const std::vector<std::string>& parts);

  /// Adds the tensors of `other`; where both have a name, other's wins.
  void merge(const Checkpoint& other);

  int64_t bytes() const;
  /// Files in the order they were opened, for reports and hashes.
  const std::vector<std::string>& files() const { return files_; }
  std::string path;  // as opened, for messages

 private:
  struct Entry {
    std::shared_ptr<const TensorFile> file;
    TensorInfo info;  // of the tensor in the file, or of rows of it
  };
  void add(const std::string& file);
  std::map<std::string, Entry> tensors_;
  std::vector<std::string> files_;
};

}  // namespace reel::models
