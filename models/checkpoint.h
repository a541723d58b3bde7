// A checkpoint: the tensors of one model component, from one file or from shards.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "models/safetensors.h"

namespace reel::models {

/// Named tensors, possibly of several files and under other names than in them.
class Checkpoint {
 public:
  /// Opens a .safetensors file, a *.safetensors.index.json with its shards (which may not leave its folder),
  /// or a component folder holding one of them (diffusion_pytorch_model, model; also with `.fp16` in the
  /// name). Throws: std::runtime_error naming what was looked for.
  static Checkpoint open(const std::string& path);

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  std::vector<std::string> names() const;
  const TensorInfo& info(const std::string& name) const;
  at::Tensor view(const std::string& name) const;
  void release(const std::string& name) const;

  /// Gives every tensor the name that `rule` returns; "" drops it.
  /// Throws: std::runtime_error if two tensors would share a name.
  void rename(const std::function<std::string(const std::string&)>& rule);

  /// Adds the tensors of `other`; where both have a name, other's wins.
  void merge(const Checkpoint& other);

  int64_t bytes() const;
  /// Files in the order they were opened, for reports and hashes.
  const std::vector<std::string>& files() const { return files_; }
  std::string path;  // as opened, for messages

 private:
  struct Entry {
    std::shared_ptr<const SafetensorsFile> file;
    std::string name;  // in the file
  };
  void add(const std::string& file);
  std::map<std::string, Entry> tensors_;
  std::vector<std::string> files_;
};

}  // namespace reel::models
