#include "models/files/safetensors.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "models/files/input/content_kind.h"
#include "models/files/part_file.h"
#include "models/files/strict_json.h"

namespace reel::models {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
// A million tensors and the metadata; values of one entry.
constexpr JsonLimits kHeaderLimits{.depth = 8, .keys = kMaxTensors + 1, .values = 200'000};

struct DtypeName {
  const char* name;
  at::ScalarType type;
};
constexpr DtypeName kDtypes[] = {{"F64", at::kDouble},
                                 {"F32", at::kFloat},
                                 {"F16", at::kHalf},
                                 {"BF16", at::kBFloat16},
                                 {"I64", at::kLong},
                                 {"I32", at::kInt},
                                 {"I16", at::kShort},
                                 {"I8", at::kChar},
                                 {"U8", at::kByte},
                                 {"BOOL", at::kBool},
                                 {"U16", at::kUInt16},
                                 {"U32", at::kUInt32},
                                 {"U64", at::kUInt64},
                                 {"F8_E4M3", at::kFloat8_e4m3fn},
                                 {"F8_E5M2", at::kFloat8_e5m2}};

class Refusal {
 public:
  explicit Refusal(const std::string& path) : path_(path) {}
  [[noreturn]] void operator()(const std::string& what) const {
    throw std::runtime_error("[" + path_ + "] " + what +
                             "; the file is damaged or not safetensors: fetch it again");
  }

 private:
  const std::string& path_;
};

std::string quoted(const std::string& name) {
  return "'" + (name.size() > 120 ? name.substr(0, 117) + "..." : name) + "'";
}

/// Parses the header, refusing deep nesting and duplicate keys at every level; each entry goes to `take` as
/// soon as it is complete, so that no document of the whole header is ever held.
void parse_header(std::string_view text, const Refusal& refuse,
                  const JsonBuilder<nlohmann::json>::Member& take) {
  const auto refuse_fault = [&](const JsonFault& fault) {
    switch (fault.kind) {
      case JsonFault::Kind::kSyntax:
        refuse("its header is not valid JSON (" + fault.detail + ")");
      case JsonFault::Kind::kDuplicateKey:
        refuse("its header has " + quoted(fault.detail) + " twice");
      case JsonFault::Kind::kTooDeep:
        refuse("its header is nested too deeply");
      case JsonFault::Kind::kTooManyKeys:
        refuse("it claims more than a million tensors");
      case JsonFault::Kind::kTooManyValues:
        refuse("its header has an entry of more than 200,000 values");
    }
  };
  JsonBuilder<nlohmann::json> builder(kHeaderLimits, refuse_fault, take);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
}

uint64_t unsigned_number(const nlohmann::json& value, const std::string& what, const Refusal& refuse) {
  if (!value.is_number_unsigned()) refuse(what + " is not a whole number from 0 up");
  return value.get<uint64_t>();
}

TensorInfo parse_tensor(const std::string& name, const nlohmann::json& entry, uint64_t data_begin,
                        uint64_t data_bytes, const Refusal& refuse) {
  const std::string place = "tensor " + quoted(name);
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets")) {
    refuse(place + " lacks dtype, shape or data_offsets");
  }
  TensorInfo info;
  const auto& dtype = entry["dtype"];
  const auto known = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                  [&](const DtypeName& d) { return dtype.is_string() && dtype == d.name; });
  if (known == std::end(kDtypes)) refuse(place + " has the unknown dtype " + dtype.dump().substr(0, 40));
  info.dtype = known->type;
  const auto& shape = entry["shape"];
  if (!shape.is_array() || shape.size() > kMaxRank)
    refuse(place + " has a shape that is no list of at most 8 numbers");
  for (const auto& size : shape) {
    const uint64_t value = unsigned_number(size, place + ": a size in its shape", refuse);
    if (value > uint64_t{INT64_MAX}) refuse(place + " is larger than any memory");
    info.shape.push_back(static_cast<int64_t>(value));
  }
  const std::optional<uint64_t> bytes = checked_bytes(info.dtype, info.shape);
  if (!bytes) refuse(place + " is larger than any memory");
  const auto& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) refuse(place + " has data_offsets that are no pair");
  const uint64_t begin = unsigned_number(offsets[0], place + ": its begin", refuse);
  const uint64_t end = unsigned_number(offsets[1], place + ": its end", refuse);
  if (begin > end || end > data_bytes) {
    refuse(place + " lies at bytes " + std::to_string(begin) + "-" + std::to_string(end) + " of " +
           std::to_string(data_bytes) + ": outside the file (an incomplete download?)");
  }
  if (end - begin != *bytes) {
    refuse(place + " needs " + std::to_string(*bytes) + " bytes by dtype and shape but has " +
           std::to_string(end - begin));
  }
  info.begin = data_begin + begin, info.end = data_begin + end;
  return info;
}

}  // namespace

std::shared_ptr<const SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  const Refusal refuse(path);
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile(path));
  const uint64_t file_bytes = file->map_.size();
  if (file_bytes == 0) refuse("it is empty");
  const auto refuse_foreign = [&] {
    if (const std::string what = foreign_content(file->map_.text()); !what.empty())
      throw std::runtime_error("[" + path + "] is not safetensors: " + what);
  };
  if (file_bytes < 9 || file->map_.data()[8] != '{') refuse_foreign();
  if (file_bytes < 8) refuse("it has " + std::to_string(file_bytes) + " bytes, a header alone needs 8");
  const char* data = file->map_.data();
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, data, 8);  // little-endian, as is every machine that LibTorch supports here
  if (header_bytes > kMaxHeaderBytes || header_bytes > file_bytes - 8) {
    refuse_foreign();
    refuse("its header claims " + std::to_string(header_bytes) + " bytes of a file of " +
           std::to_string(file_bytes));
  }
  const std::string_view text(data + 8, header_bytes);
  if (text.empty() || text[0] != '{') refuse("its header does not start with '{'");
  const uint64_t data_begin = 8 + header_bytes, data_bytes = file_bytes - data_begin;
  std::vector<std::pair<uint64_t, uint64_t>> extents;
  parse_header(text, refuse, [&](const std::string& name, const nlohmann::json& entry) {
    if (name == "__metadata__") {
      if (!entry.is_object()) refuse("its __metadata__ is no object");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) refuse("its __metadata__ holds something other than text");
        file->metadata_[key] = value.get<std::string>();
      }
      return;
    }
    if (name.empty() || name.size() > kMaxTensorNameBytes) refuse("a tensor's name is empty or above 1 KiB");
    const TensorInfo info = parse_tensor(name, entry, data_begin, data_bytes, refuse);
    extents.emplace_back(info.begin, info.end);
    file->tensors_[name] = info;
  });
  if (file->tensors_.size() > kMaxTensors) refuse("it claims more than a million tensors");
  std::sort(extents.begin(), extents.end());
  uint64_t position = data_begin;
  for (const auto& [begin, end] : extents) {
    if (begin != position)
      refuse(begin < position ? "two tensors overlap" : "there is a hole between tensors");
    position = end;
  }
  if (position != file_bytes) refuse("there are bytes behind the last tensor");
  return file;
}

void write_safetensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata, bool overwrite,
                       unsigned permissions) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::vector<at::Tensor> contents;
  uint64_t position = 0;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor content = tensor.to(at::kCPU).contiguous();
    const auto known = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                    [&](const DtypeName& d) { return d.type == content.scalar_type(); });
    if (known == std::end(kDtypes)) {
      throw std::invalid_argument("[" + path + "] '" + name + "' has a dtype that safetensors lacks");
    }
    header[name] = {{"dtype", known->name},
                    {"shape", content.sizes().vec()},
                    {"data_offsets", {position, position + content.nbytes()}}};
    position += content.nbytes();
    contents.push_back(content);
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // data starts at a multiple of 8, as its readers expect
  const uint64_t header_bytes = text.size();
  PartFile file(path, overwrite, permissions);
  file.write(&header_bytes, 8);
  file.write(text.data(), text.size());
  for (const at::Tensor& content : contents) file.write(content.const_data_ptr(), content.nbytes());
  file.commit();
}

}  // namespace reel::models
