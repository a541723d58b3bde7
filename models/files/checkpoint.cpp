#include "models/files/checkpoint.h"

#include "models/files/config.h"
#include "models/files/input/input_file.h"

namespace reel::models {
namespace fs = std::filesystem;

namespace {

/// The checkpoint in a component folder: the first of the usual names that exists; empty if none does.
std::string find_in_folder(const fs::path& folder) {
  for (const std::string format : {".safetensors", ".bin"}) {
    for (const std::string stem : {"diffusion_pytorch_model", "model", "pytorch_model"}) {
      for (const std::string variant : {"", ".fp16"}) {
        // The index of a variant may carry the variant before or after "index":
        // model.safetensors.index.fp16.json.
        for (const std::string& name : {stem + variant + format, stem + variant + format + ".index.json",
                                        stem + format + ".index" + variant + ".json"}) {
          if (has_input((folder / name).string())) return (folder / name).string();
        }
      }
    }
  }
  const fs::path original = folder / "model.ckpt";
  return has_input(original.string()) ? original.string() : "";
}

}  // namespace

void Checkpoint::add(const std::string& path) {
  const auto file = TensorFile::open(path);
  for (const auto& [name, info] : file->tensors()) {
    if (!tensors_.emplace(name, Entry{file, info}).second) {
      throw std::runtime_error("[" + path + "] holds '" + name +
                               "', which another shard holds too; fetch the shards again");
    }
  }
  files_.push_back(path);
}

Checkpoint Checkpoint::open(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  const std::string target = fs::is_directory(path) ? find_in_folder(path) : path;
  if (target.empty()) {
    throw std::runtime_error(
        "[" + path +
        "] holds no diffusion_pytorch_model.safetensors, model.safetensors, "
        "diffusion_pytorch_model.bin, pytorch_model.bin, their .index.json, or model.ckpt; "
        "is it the right folder?");
  }
  if (!fs::exists(target)) {
    throw std::runtime_error(
        "[" + target +
        "] does not exist; name a .safetensors, .ckpt, .pt, .pth or .bin file, or the folder "
        "of one");
  }
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
    if (!has_input(file.string())) {
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

const TensorInfo& Checkpoint::info(const std::string& name) const { return tensors_.at(name).info; }

at::Tensor Checkpoint::view(const std::string& name) const {
  const Entry& entry = tensors_.at(name);
  return TensorFile::view(entry.file, entry.info);
}

void Checkpoint::release(const std::string& name) const {
  const Entry& entry = tensors_.at(name);
  entry.file->release(entry.info);
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

void Checkpoint::split_rows(const std::string& name, const std::vector<std::string>& parts) {
  const Entry whole = tensors_.at(name);
  const auto count = static_cast<int64_t>(parts.size());
  if (whole.info.shape.empty() || whole.info.shape[0] % count != 0) {
    throw std::runtime_error("[" + path + "] the rows of '" + name + "' do not divide into " +
                             std::to_string(count) + " equal parts; is it another kind of model?");
  }
  tensors_.erase(name);
  const int64_t rows = whole.info.shape[0] / count;
  int64_t first = 0;
  for (const std::string& part : parts) {
    if (!tensors_.emplace(part, Entry{whole.file, whole.info.rows(first, rows)}).second) {
      throw std::runtime_error("[" + path + "] holds '" + part + "', and in '" + name +
                               "' rows of the same meaning; is it a mixed checkpoint?");
    }
    first += rows;
  }
}

void Checkpoint::merge(const Checkpoint& other) {
  for (const auto& [name, entry] : other.tensors_) tensors_[name] = entry;
  files_.insert(files_.end(), other.files_.begin(), other.files_.end());
}

int64_t Checkpoint::bytes() const {
  int64_t total = 0;
  for (const auto& [name, entry] : tensors_) total += entry.info.bytes();
  return total;
}

}  // namespace reel::models
