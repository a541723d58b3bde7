#include "models/files/zip_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "models/files/refuse.h"
#include "models/files/strict_json.h"
#include "models/files/utf8.h"

namespace reel::models {
namespace {

// Sizes of the records without their parts of variable length, and their signatures.
constexpr uint64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20;
constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator = 0x07064b50;
constexpr uint64_t kMaxComment = 0xFFFF, kMaxEntries = 1'000'000, kMaxNameBytes = 1024;
constexpr uint16_t kStored = 0;
constexpr uint16_t kEncrypted = 1 << 0 | 1 << 6 | 1 << 13;  // plainly, strongly, with the directory masked
constexpr uint16_t kSizesBehind = 1 << 3;                   // the local header may leave the sizes out
constexpr uint16_t kZip64Field = 1;

std::string quote(const std::string& name) { return "'" + shown(name) + "'"; }

/// Little-endian numbers of a record; a read beyond its end is refused.
class Record {
 public:
  Record(std::string_view bytes, uint64_t begin, uint64_t length, const std::string& what) : what_(what) {
    if (begin > bytes.size() || length > bytes.size() - begin) refuse(what + " leaves the file");
    bytes_ = bytes.substr(begin, length);
  }
  uint16_t u16(uint64_t at) const { return number<uint16_t>(at); }
  uint32_t u32(uint64_t at) const { return number<uint32_t>(at); }
  uint64_t u64(uint64_t at) const { return number<uint64_t>(at); }
  std::string_view text(uint64_t at, uint64_t length) const {
    if (at > bytes_.size() || length > bytes_.size() - at) refuse(what_ + " is cut off");
    return bytes_.substr(at, length);
  }

 private:
  template <class Number>
  Number number(uint64_t at) const {
    Number value;
    std::memcpy(&value, text(at, sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view bytes_;
  std::string what_;
};

struct Directory {
  uint64_t begin, end, entries;
};

Directory find_directory(std::string_view bytes) {
  // The last record ends the file, but for a comment whose length it states.
  std::optional<uint64_t> found;
  for (uint64_t back = kEndBytes; back <= std::min<uint64_t>(bytes.size(), kEndBytes + kMaxComment); ++back) {
    const Record record(bytes, bytes.size() - back, kEndBytes, "the end record");
    if (record.u32(0) == kEnd && record.u16(20) == back - kEndBytes) {
      found = bytes.size() - back;
      break;
    }
  }
  if (!found) refuse("it has no directory at its end (an incomplete download?)");
  const Record record(bytes, *found, kEndBytes, "the end record");
  if (record.u16(4) != 0 || record.u16(6) != 0) refuse("it is one part of an archive in several");
  Directory directory{record.u32(16), *found, record.u16(10)};
  uint64_t size = record.u32(12);
  if (record.u16(8) != record.u16(10)) refuse("its end record contradicts itself about the entries");
  const bool has_locator =
      *found >= kLocatorBytes && Record(bytes, *found - kLocatorBytes, 4, "the locator").u32(0) == kLocator;
  if (has_locator) {
    const Record locator(bytes, *found - kLocatorBytes, kLocatorBytes, "the zip64 locator");
    const uint64_t at = locator.u64(8);
    if (locator.u32(4) != 0 || locator.u32(16) > 1) refuse("it is one part of an archive in several");
    const Record large(bytes, at, kEnd64Bytes, "its zip64 end record");
    // No room for extensions: the record ends where the locator begins.
    if (large.u32(0) != kEnd64 || large.u64(4) != kEnd64Bytes - 12 ||
        at + kEnd64Bytes != *found - kLocatorBytes) {
      refuse("its zip64 end record is not where the locator says");
    }
    if (large.u32(16) != 0 || large.u32(20) != 0) refuse("it is one part of an archive in several");
    if (large.u64(24) != large.u64(32)) refuse("its zip64 end record contradicts itself about the entries");
    const auto agrees = [](uint64_t small, uint64_t saturated, uint64_t value) {
      return small == saturated || small == value;
    };
    if (!agrees(directory.entries, 0xFFFF, large.u64(32)) || !agrees(size, 0xFFFFFFFF, large.u64(40)) ||
        !agrees(directory.begin, 0xFFFFFFFF, large.u64(48))) {
      refuse("its two end records contradict each other");
    }
    directory = {large.u64(48), at, large.u64(32)};
    size = large.u64(40);
  }
  if (directory.begin > directory.end || size != directory.end - directory.begin) {
    refuse("its directory is not where the end record says (an incomplete download?)");
  }
  if (directory.entries > kMaxEntries) refuse("it claims more than a million entries");
  return directory;
}

void check_name(const std::string& name) {
  if (name.empty() || name.size() > kMaxNameBytes) refuse("an entry's name is empty or above 1 KiB");
  if (to_utf8(from_utf8(name)) != name) refuse("the name of the entry " + quote(name) + " is not UTF-8");
  const bool leads_out = name.front() == '/' || ("/" + name + "/").find("/../") != std::string::npos;
  if (leads_out || name.find('\\') != std::string::npos || name.find('\0') != std::string::npos) {
    refuse("the name of the entry " + quote(name) + " leads out of its folder");
  }
}

/// Replaces the saturated ones of `values` by those of the zip64 field, in the order of the specification.
void read_zip64(std::string_view extra, const std::vector<uint64_t*>& values, const std::string& place) {
  if (std::none_of(values.begin(), values.end(), [](const uint64_t* v) { return *v == 0xFFFFFFFF; })) return;
  const Record fields(extra, 0, extra.size(), place);
  for (uint64_t at = 0; at < extra.size();) {
    const uint16_t id = fields.u16(at), length = fields.u16(at + 2);
    const Record field(fields.text(at + 4, length), 0, length, place);
    at += 4 + uint64_t{length};
    if (id != kZip64Field) continue;
    uint64_t position = 0;
    for (uint64_t* value : values) {
      if (*value != 0xFFFFFFFF) continue;
      *value = field.u64(position);
      position += 8;
    }
    return;
  }
  refuse(place + " lacks its zip64 sizes");
}

/// One record of the directory, and the entry's own header, which must agree with it.
struct Listed {
  std::string name;
  uint64_t header, begin, end;  // the entry's own header; its content
};

/// `at`: where the record begins; moved to the next one.
Listed read_entry(std::string_view bytes, const Record& central, uint64_t& at, uint64_t directory_begin) {
  if (central.u32(at) != kCentral) refuse("its directory holds fewer entries than it claims");
  const uint16_t flags = central.u16(at + 8), method = central.u16(at + 10), part = central.u16(at + 34);
  const uint64_t name_bytes = central.u16(at + 28), extra_bytes = central.u16(at + 30);
  uint64_t stored = central.u32(at + 20), size = central.u32(at + 24), header = central.u32(at + 42);
  Listed entry{std::string(central.text(at + kCentralBytes, name_bytes)), 0, 0, 0};
  check_name(entry.name);
  const std::string place = "the entry " + quote(entry.name);
  read_zip64(central.text(at + kCentralBytes + name_bytes, extra_bytes), {&size, &stored, &header}, place);
  at += kCentralBytes + name_bytes + extra_bytes + central.u16(at + 32);
  if (flags & kEncrypted) refuse(place + " is encrypted");
  if (method != kStored) refuse(place + " is compressed; torch.save stores entries as they are");
  if (stored != size) refuse(place + " is stored as it is, yet in another size");
  if (part != 0) refuse("it is one part of an archive in several");

  const std::string header_place = "the header of " + place;
  const std::string_view before = bytes.substr(0, directory_begin);  // where headers and contents lie
  const Record local(before, header, kLocalBytes, header_place);
  if (local.u32(0) != kLocal) refuse(header_place + " is not where the directory says");
  const uint64_t local_name_bytes = local.u16(26), local_extra_bytes = local.u16(28);
  const uint64_t local_bytes = kLocalBytes + local_name_bytes + local_extra_bytes;
  const Record whole(before, header, local_bytes, header_place);
  uint64_t local_stored = local.u32(18), local_size = local.u32(22);
  read_zip64(whole.text(kLocalBytes + local_name_bytes, local_extra_bytes), {&local_size, &local_stored},
             header_place);
  const uint16_t local_flags = local.u16(6);
  const auto agrees = [&](uint64_t value) {
    return value == size || (value == 0 && (local_flags & kSizesBehind));
  };
  if (whole.text(kLocalBytes, local_name_bytes) != entry.name || local.u16(8) != method ||
      (local_flags & kEncrypted) || !agrees(local_size) || !agrees(local_stored)) {
    refuse(header_place + " contradicts the directory");
  }
  entry.header = header;
  entry.begin = header + local_bytes;
  if (size > directory_begin - entry.begin) refuse(place + " leaves the file");
  entry.end = entry.begin + size;
  return entry;
}

}  // namespace

std::map<std::string, ZipEntry> read_zip(std::string_view bytes) {
  const Directory directory = find_directory(bytes);
  const Record central(bytes, directory.begin, directory.end - directory.begin, "its directory");
  std::map<std::string, ZipEntry> entries;
  std::vector<std::pair<uint64_t, uint64_t>> extents;
  uint64_t at = 0;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const Listed entry = read_entry(bytes, central, at, directory.begin);
    if (!entries.emplace(entry.name, ZipEntry{entry.begin, entry.end}).second) {
      refuse("it has the entry " + quote(entry.name) + " twice");
    }
    extents.emplace_back(entry.header, entry.end);
  }
  if (at != directory.end - directory.begin) refuse("its directory holds more entries than it claims");
  std::sort(extents.begin(), extents.end());
  for (size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].first < extents[i - 1].second) refuse("two of its entries overlap");
  }
  return entries;
}

}  // namespace reel::models
