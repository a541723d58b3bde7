// Writes pickles and zip files byte by byte, sound ones and others, for tests of their readers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace reel {

template <class Number>
std::string little_endian(Number value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// Parts of pickles. Each pushes one value.
namespace pickled {

inline std::string text(const std::string& value) {
  return "X" + little_endian(static_cast<uint32_t>(value.size())) + value;
}
inline std::string number(int64_t value) { return "\x8a\x08" + little_endian(value); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::string>& values) {
  std::string all = "(";
  for (const std::string& value : values) all += value;
  return all + "t";
}
inline std::string numbers(const std::vector<int64_t>& values) {
  std::vector<std::string> all;
  for (const int64_t value : values) all.push_back(number(value));
  return tuple(all);
}
inline std::string call(const std::string& function, const std::string& arguments) {
  return function + arguments + "R";
}
inline std::string ordered_dict() { return call(global("collections", "OrderedDict"), ")"); }
/// Keys and values taking turns.
inline std::string dict(const std::vector<std::string>& items) {
  std::string all = "}(";
  for (const std::string& item : items) all += item;
  return all + "u";
}
inline std::string storage(int64_t elements, const std::string& type = "FloatStorage",
                           const std::string& key = "0") {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), number(elements)}) + "Q";
}
inline std::string tensor(const std::string& storage, int64_t offset, const std::string& shape,
                          const std::string& strides) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              tuple({storage, number(offset), shape, strides, "\x89", ordered_dict()}));
}
/// Two floats, as the file of `torch_file` has them.
inline std::string sound_tensor() { return tensor(storage(2), 0, numbers({2}), numbers({1})); }

/// The whole pickle of one value.
inline std::string whole(const std::string& value) { return "\x80\x02" + value + "."; }

}  // namespace pickled

struct ZipPart {
  std::string name, content;
};

/// A zip file of stored entries, with or without the records of zip64 (which torch.save always writes).
inline std::string zip_of(const std::vector<ZipPart>& parts, bool zip64 = true) {
  std::string file, directory;
  for (const auto& [name, content] : parts) {
    const auto header = static_cast<uint32_t>(file.size()), size = static_cast<uint32_t>(content.size());
    const std::string middle = little_endian<uint16_t>(0x0800) +
                               little_endian<uint16_t>(0) +  // flags, method
                               std::string(8, '\0') +        // time, checksum
                               little_endian(size) + little_endian(size) +
                               little_endian(static_cast<uint16_t>(name.size())) + little_endian<uint16_t>(0);
    file += "PK\3\4" + little_endian<uint16_t>(0) + middle + name + content;
    directory +=
        "PK\1\2" + little_endian<uint32_t>(0) + middle + std::string(10, '\0') + little_endian(header) + name;
  }
  const uint64_t begin = file.size(), size = directory.size(), count = parts.size();
  file += directory;
  if (zip64) {
    const uint64_t record = file.size();
    file += "PK\6\6" + little_endian<uint64_t>(44) + little_endian<uint32_t>(0) + std::string(8, '\0') +
            little_endian(count) + little_endian(count) + little_endian(size) + little_endian(begin);
    file += "PK\6\7" + little_endian<uint32_t>(0) + little_endian(record) + little_endian<uint32_t>(1);
  }
  const auto small_count = static_cast<uint16_t>(count);
  return file + "PK\5\6" + little_endian<uint32_t>(0) + little_endian(small_count) +
         little_endian(small_count) + little_endian(static_cast<uint32_t>(size)) +
         little_endian(static_cast<uint32_t>(begin)) + little_endian<uint16_t>(0);
}

/// The file with the bytes at `at` replaced.
inline std::string patched(std::string file, size_t at, const std::string& bytes) {
  return file.replace(at, bytes.size(), bytes);
}

/// The entries of a checkpoint with this pickle and one storage of two floats.
inline std::vector<ZipPart> torch_parts(const std::string& pickle) {
  return {{"a/data.pkl", pickle},
          {"a/byteorder", "little"},
          {"a/data/0", little_endian(1.5F) + little_endian(-2.F)},
          {"a/version", "3\n"}};
}
inline std::string torch_file(const std::string& pickle) { return zip_of(torch_parts(pickle)); }

/// A checkpoint of contiguous f32 tensors, under a `state_dict`.
inline std::string torch_file_of(const std::map<std::string, at::Tensor>& tensors) {
  using namespace pickled;
  std::vector<std::string> items;
  std::vector<ZipPart> storages;
  for (const auto& [name, tensor] : tensors) {
    const std::string key = std::to_string(storages.size());
    items.push_back(text(name));
    items.push_back(pickled::tensor(storage(tensor.numel(), "FloatStorage", key), 0,
                                    numbers(tensor.sizes().vec()), numbers(tensor.strides().vec())));
    storages.push_back(
        {"a/data/" + key, {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()}});
  }
  storages.push_back(
      {"a/data.pkl", whole(dict({text("state_dict"), dict(items), text("epoch"), number(3)}))});
  return zip_of(storages);
}

}  // namespace reel
