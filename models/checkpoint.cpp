#include "models/checkpoint.h"

#include "models/config.h"

namespace reel::models {
namespace fs = std::filesystem;

void Checkpoint::add(const std::string& path) {
  const auto file = SafetensorsFile::open(path);
  for (const auto& [name, info] : file->tensors()) {
    if (!tensors_.emplace(name, Entry{file, name}).second) {
      throw std::runtime_error("[" + path + "] holds '" + name +
                               "', which another shard holds too; fetch the shards again");
    }
  }
  files_.push_back(path);
}

Checkpoint Checkpoint::open(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  std::string target = path;
  if (fs::is_directory(path)) {
    target.clear();
    for (const char* stem : {"diffusion_pytorch_model", "model", "pytorch_model"}) {
      for (const char* variant : {"", ".fp16"}) {
        for (const char* ending : {".safetensors", ".safetensors.index.json"}) {
          // The index of a variant carries it before "index": model.safetensors.index.fp16.json.
          std::vector<std::string> names = {std::string(stem) + variant + ending};
          if (*variant && std::string(ending) != ".safetensors") {
            names.push_back(std::string(stem) + ".safetensors.index" + variant + ".json");
          }
          for (const std::string& name : names) {
            if (target.empty() && fs::is_regular_file(fs::path(path) / name))
              target = (fs::path(path) / name).string();
          }
        }
      }
    }
    if (target.empty()) {
      const bool pickled = fs::exists(fs::path(path) / "diffusion_pytorch_model.bin") ||
                           fs::exists(fs::path(path) / "pytorch_model.bin");
      throw std::runtime_error("[" + path +
                               "] holds no diffusion_pytorch_model.safetensors, model.safetensors or their "
                               ".index.json; " +
                               (pickled
                                    ? "it holds a .bin file, which may carry code: convert it to safetensors"
                                    : "is it the right folder?"));
    }
  }
  if (!fs::exists(target))
    throw std::runtime_error("[" + target + "] does not exist; name a .safetensors file or its folder");
  if (!target.ends_with(".json")) {
    checkpoint.add(target);
    return checkpoint;
  }
  const Config index = Config::read(target);
  const Config map = index.object("weight_map");
  std::set<std::string> shards;
  for (const std::string& name : map.keys()) {
    const std::string shard = map.text(name, "");
    if (shard.empty() || fs::path(shard).filename() != shard || shard == "..") {
      throw std::runtime_error("[" + target + "] places '" + name + "' in '" + shard +
                               "', which is not a file name in its own folder; fetch the index again");
    }
    shards.insert(shard);
  }
  if (shards.empty())
    throw std::runtime_error("[" + target + "] has an empty weight_map; fetch the index again");
  for (const std::string& shard : shards) {
    const fs::path file = fs::path(target).parent_path() / shard;
    if (!fs::is_regular_file(file)) {
      throw std::runtime_error("[" + target + "] names the shard " + shard +
                               ", which is missing; fetch it into the same folder");
    }
    checkpoint.add(file.string());
  }
  for (const std::string& name : map.keys()) {
    const auto found = checkpoint.tensors_.find(name);
    const std::string shard = map.text(name, "");
    if (found == checkpoint.tensors_.end() || fs::path(found->second.file->path()).filename() != shard) {
      throw std::runtime_error("[" + target + "] says that '" + name + "' is in " + shard +
                               ", but it is not; fetch the shards again");
    }
  }
  return checkpoint;
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> all;
  for (const auto& entry : tensors_) all.push_back(entry.first);
  return all;
}

const TensorInfo& Checkpoint::info(const std::string& name) const {
  const Entry& entry = tensors_.at(name);
  return entry.file->tensors().at(entry.name);
}

at::Tensor Checkpoint::view(const std::string& name) const {
  const Entry& entry = tensors_.at(name);
  return SafetensorsFile::view(entry.file, entry.name);
}

void Checkpoint::release(const std::string& name) const {
  const Entry& entry = tensors_.at(name);
  entry.file->release(info(name));
}

void Checkpoint::rename(const std::function<std::string(const std::string&)>& rule) {
  std::map<std::string, Entry> renamed;
  for (auto& [name, entry] : tensors_) {
    const std::string other = rule(name);
    if (other.empty()) continue;
    if (!renamed.emplace(other, entry).second) {
      throw std::runtime_error("[" + path + "] holds two tensors that both mean '" + other +
                               "'; is it a mixed checkpoint?");
    }
  }
  tensors_ = std::move(renamed);
}

void Checkpoint::merge(const Checkpoint& other) {
  for (const auto& [name, entry] : other.tensors_) tensors_[name] = entry;
  files_.insert(files_.end(), other.files_.begin(), other.files_.end());
}

int64_t Checkpoint::bytes() const {
  int64_t total = 0;
  for (const auto& [name, entry] : tensors_) {
    const TensorInfo& info = entry.file->tensors().at(entry.name);
    total += static_cast<int64_t>(info.end - info.begin);
  }
  return total;
}

}  // namespace reel::models
