// A checkpoint: the tensors of one model component, from one file or from shards.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "models/files/tensor_file.h"

namespace reel::models {

/// Named tensors. They may come from several files and have other names than there.
class Checkpoint {
 public:
  /// Opens a .safetensors file or a PyTorch checkpoint (.ckpt, .pt, .pth, .bin), an index of shards
  /// (*.safetensors.index.json, *.bin.index.json; shards may not leave its folder), or a component folder
  /// that holds one of them (diffusion_pytorch_model, model, pytorch_model; also with `.fp16` in the name).
  /// If a folder has both formats, safetensors is used.
  /// Throws: std::runtime_error that names what was looked for.
  static Checkpoint open(const std::string& path);

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  std::vector<std::string> names() const;
  const TensorInfo& info(const std::string& name) const;
  at::Tensor view(const std::string& name) const;
  /// Tells the system that the pages of this tensor are not needed again soon.
  void release(const std::string& name) const;

  /// Gives every tensor the name that `rule` returns for it; "" drops the tensor.
  /// Throws: std::runtime_error if two tensors would share a name.
  void rename(const std::function<std::string(const std::string&)>& rule);

  /// Replaces a tensor by equal parts of its rows, in order, under the names `parts`.
  /// Throws: std::runtime_error if its rows do not divide evenly, or one of the names is taken.
  void split_rows(const std::string& name, const std::vector<std::string>& parts);

  /// Adds the tensors of `other`. If both have a name, that of `other` wins.
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
