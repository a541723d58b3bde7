#include "models/files/pytorch_file.h"

#include "models/files/input/content_kind.h"
#include "models/files/pickle.h"
#include "models/files/refuse.h"
#include "models/files/strict_json.h"
#include "models/files/utf8.h"
#include "models/files/zip_file.h"

namespace reel::models {
namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMaxDepth = 32, kMaxVisits = 4'000'000;
constexpr std::string_view kDeepSpeedPrefix = "_forward_module.";

/// Names the tensors below a value. Containers may be shared or contain themselves, so depth and visits are
/// bounded.
class Walk {
 public:
  using Take = std::function<void(const std::string& name, const PickledTensor& tensor)>;
  Walk(const Pickle& pickle, Take take) : pickle_(pickle), take_(std::move(take)) {}

  void run() { visit(unwrapped(pickle_.root)); }

 private:
  const std::vector<PickleValue>& contents(const PickleValue& value) const {
    return pickle_.containers[static_cast<size_t>(value.number)];
  }

  /// The dictionary under a text key of the dictionary `value`; null if there is none.
  const PickleValue* dict_under(const PickleValue& value, std::string_view key) const {
    const PickleValue* found = nullptr;
    const std::vector<PickleValue>& items = contents(value);
    for (size_t i = 0; i < items.size(); i += 2) {
      if (items[i].kind != Kind::kText || items[i].text != key || !items[i + 1].is_dict()) continue;
      if (found) refuse("it has '" + std::string(key) + "' twice");
      found = &items[i + 1];
    }
    return found;
  }

  const PickleValue& unwrapped(const PickleValue& root) {
    if (!root.is_dict()) return root;
    if (const PickleValue* inner = dict_under(root, "state_dict")) return *inner;
    if (const PickleValue* inner = dict_under(root, "module")) {
      stripped_ = kDeepSpeedPrefix;
      return *inner;
    }
    return root;
  }

  void visit(const PickleValue& value) {
    if (++visits_ > kMaxVisits) refuse("its dictionaries share their contents too often");
    if (value.kind == Kind::kTensor) {
      return take_(name(), pickle_.tensors[static_cast<size_t>(value.number)]);
    }
    const bool is_list = value.kind == Kind::kList || value.kind == Kind::kTuple;
    if (!is_list && !value.is_dict()) return;
    if (path_.size() == kMaxDepth) refuse("its dictionaries are nested too deeply");
    const std::vector<PickleValue>& items = contents(value);
    for (size_t i = 0; i < items.size(); ++i) {
      path_.push_back(is_list ? PickleValue{Kind::kInteger, static_cast<int64_t>(i)} : items[i++]);
      visit(items[i]);
      path_.pop_back();
    }
  }

  std::string name() const {
    std::string name;
    for (const PickleValue& key : path_) {
      if (key.kind != Kind::kText && key.kind != Kind::kInteger) {
        refuse("a tensor lies under a key that is neither a text nor a number");
      }
      if (key.text.size() > kMaxTensorNameBytes) refuse("a tensor's name is above 1 KiB");
      if (!name.empty()) name += '.';
      name += key.kind == Kind::kText ? std::string(key.text) : std::to_string(key.number);
    }
    if (!stripped_.empty() && name.starts_with(stripped_)) name.erase(0, stripped_.size());
    if (name.empty() || name.size() > kMaxTensorNameBytes) refuse("a tensor's name is empty or above 1 KiB");
    if (to_utf8(from_utf8(name)) != name) refuse("the name of the tensor '" + shown(name) + "' is not UTF-8");
    return name;
  }

  const Pickle& pickle_;
  Take take_;
  std::string_view stripped_;
  std::vector<PickleValue> path_;  // keys on the way to the value in hand
  size_t visits_ = 0;
};

/// Where the tensor lies, if it lies within its storage.
TensorInfo place(const PickledTensor& tensor, const ZipEntry& entry, const std::string& name) {
  const std::string start = "tensor '" + shown(name) + "' ";
  const PickledStorage& storage = tensor.storage;
  const uint64_t width = at::elementSize(storage.dtype);
  if (static_cast<unsigned __int128>(storage.elements) * width != entry.end - entry.begin) {
    refuse(start + "needs a storage of " + std::to_string(storage.elements) + " times " +
           std::to_string(width) + " bytes but has " + std::to_string(entry.end - entry.begin));
  }
  const std::optional<uint64_t> bytes = checked_bytes(storage.dtype, tensor.shape);
  if (!bytes) refuse(start + "is larger than any memory");
  TensorInfo info{storage.dtype, tensor.shape, entry.begin, entry.begin, {}};
  if (*bytes == 0) return info;
  // Repeated elements (strides of 0) would let a small file ask for any amount of memory.
  if (*bytes > entry.end - entry.begin)
    refuse(start + "has more elements than its storage; save it contiguous");
  unsigned __int128 last = static_cast<uint64_t>(tensor.offset);
  int64_t expected = 1;  // stride of a contiguous tensor
  bool contiguous = true;
  for (size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] == 1) continue;  // its stride is never used
    last += static_cast<unsigned __int128>(tensor.shape[i] - 1) * static_cast<uint64_t>(tensor.strides[i]);
    if (last >= static_cast<uint64_t>(storage.elements)) break;
    contiguous &= tensor.strides[i] == expected;
    expected *= tensor.shape[i];
  }
  if (last >= static_cast<uint64_t>(storage.elements)) refuse(start + "leaves its storage");
  info.begin += static_cast<uint64_t>(tensor.offset) * width;
  info.end = entry.begin + (static_cast<uint64_t>(last) + 1) * width;
  if (!contiguous) info.strides = tensor.strides;
  return info;
}

/// The name of the folder that all entries of the file lie in, with its slash.
std::string folder_of(const std::map<std::string, ZipEntry>& entries) {
  std::string folder;
  for (const auto& [name, entry] : entries) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
    if (!folder.empty()) refuse("it holds two pickles");
    folder = name.substr(0, slash + 1);
  }
  if (folder.empty()) refuse("it is a zip file without data.pkl");
  if (entries.count(folder + "constants.pkl")) refuse("it is a TorchScript program, not a file of tensors");
  return folder;
}

/// What is wrong with a file that is no zip file.
[[noreturn]] void refuse_other_format(std::string_view bytes) {
  if (bytes.starts_with("\x80\x02")) {
    refuse("it has the format that torch.save had before PyTorch 1.6");
  }
  if (bytes.size() > 9 && bytes[8] == '{')
    refuse("it looks like safetensors; give it the ending .safetensors");
  if (const std::string what = foreign_content(bytes); !what.empty()) refuse(what);
  refuse("it is no zip file, as torch.save writes");
}

}  // namespace

std::map<std::string, TensorInfo> read_pytorch(std::string_view bytes) {
  if (!bytes.starts_with("PK\x03\x04")) refuse_other_format(bytes);
  const std::map<std::string, ZipEntry> entries = read_zip(bytes);
  const std::string folder = folder_of(entries);
  const auto content = [&](const ZipEntry& entry) {
    return bytes.substr(entry.begin, entry.end - entry.begin);
  };
  // Absent before PyTorch 2.1: such a file counts as written on a little-endian machine.
  const auto order = entries.find(folder + "byteorder");
  if (order != entries.end() && content(order->second) != "little") {
    refuse("its numbers are big-endian, which this machine's are not");
  }
  const Pickle pickle = read_pickle(content(entries.at(folder + "data.pkl")));
  std::map<std::string, TensorInfo> tensors;
  unsigned __int128 total = 0;
  Walk(pickle, [&](const std::string& name, const PickledTensor& tensor) {
    const std::string key(tensor.storage.key);
    const auto entry = entries.find(folder + "data/" + key);
    if (entry == entries.end()) {
      refuse("tensor '" + shown(name) + "' lies in the storage '" + shown(key) + "', which is missing");
    }
    const TensorInfo info = place(tensor, entry->second, name);
    if (!tensors.emplace(name, info).second) refuse("it has the tensor '" + shown(name) + "' twice");
    if (tensors.size() > kMaxTensors) refuse("it has more than a million tensors");
    total += static_cast<uint64_t>(info.bytes());
    if (total > uint64_t{INT64_MAX}) refuse("its tensors are larger than any memory");
  }).run();
  return tensors;
}

std::shared_ptr<const PyTorchFile> PyTorchFile::open(const std::string& path) {
  std::shared_ptr<PyTorchFile> file(new PyTorchFile(path));
  try {
    file->tensors_ = read_pytorch(file->map_.text());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(
        "[" + path + "] " + error.what() +
        ". Only tensors are read, and nothing is run; if you trust the file, load it in Python with "
        "torch.load and save its state_dict anew, best as safetensors; if not, or if it is damaged, fetch "
        "it again");
  }
  return file;
}

}  // namespace reel::models
