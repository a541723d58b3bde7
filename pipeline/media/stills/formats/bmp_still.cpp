#include "pipeline/media/stills/formats/bmp_still.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <string>
#include <vector>

#include "pipeline/media/stills/byte_reader.h"

namespace reel::media {
namespace {

enum class Packing : uint32_t { kPlain = 0, kRuns8 = 1, kRuns4 = 2, kMasks = 3 };

struct Bitmap {
  int64_t height = 0, width = 0;
  bool from_above = false;
  uint32_t bits = 0;
  Packing packing = Packing::kPlain;
  std::array<uint32_t, 3> masks{};                    // of red, green, blue in a pixel of 16 to 32 bits
  std::array<std::array<uint8_t, 3>, 256> colours{};  // of up to 8 bits; absent ones are black
  size_t pixels = 0;                                  // where they begin
  bool has_runs() const { return packing == Packing::kRuns8 || packing == Packing::kRuns4; }
};

constexpr size_t kFileHeader = 14;

void read_masks(ByteReader& reader, size_t header_end, Bitmap& bitmap) {
  if (bitmap.packing == Packing::kMasks) {
    reader.seek(kFileHeader + 40);  // behind a header of 40 bytes, or within a longer one
    for (uint32_t& mask : bitmap.masks) mask = reader.number(4);
    // All zeros stand for the usual order, too.
    if (bitmap.masks != std::array<uint32_t, 3>{}) return reader.seek(std::max(header_end, reader.at()));
  }
  bitmap.masks = bitmap.bits == 16 ? std::array<uint32_t, 3>{0x7c00, 0x3e0, 0x1f}
                                   : std::array<uint32_t, 3>{0xff0000, 0xff00, 0xff};
}

Bitmap read_bitmap(std::string_view file) {
  ByteReader reader(file);
  reader.skip(10);
  const size_t stated = reader.number(4), size = reader.number(4), header_end = kFileHeader + size;
  Bitmap bitmap;
  size_t colours = 0;
  if (size == 12) {
    bitmap.width = reader.number(2), bitmap.height = reader.number(2);
    reader.skip(2);
    bitmap.bits = reader.number(2);
  } else {
    bitmap.width = static_cast<int32_t>(reader.number(4));
    const auto height = static_cast<int32_t>(reader.number(4));
    bitmap.from_above = height < 0, bitmap.height = std::abs(int64_t{height});
    reader.skip(2);
    bitmap.bits = reader.number(2);
    bitmap.packing = static_cast<Packing>(reader.number(4));
    reader.skip(12);
    colours = reader.number(4);
  }
  const bool known_bits = bitmap.bits == 1 || bitmap.bits == 4 || bitmap.bits == 8 || bitmap.bits == 16 ||
                          bitmap.bits == 24 || bitmap.bits == 32;
  if (!known_bits) throw UnknownStill("of " + std::to_string(bitmap.bits) + " bits a pixel");
  const bool fits = bitmap.packing == Packing::kPlain ||
                    (bitmap.packing == Packing::kRuns8 && bitmap.bits == 8) ||
                    (bitmap.packing == Packing::kRuns4 && bitmap.bits == 4) ||
                    (bitmap.packing == Packing::kMasks && bitmap.bits >= 16);
  if (!fits) throw UnknownStill("of packing " + std::to_string(static_cast<uint32_t>(bitmap.packing)));
  reader.seek(header_end);
  bitmap.pixels = stated;
  if (bitmap.bits > 8) {
    read_masks(reader, header_end, bitmap);
  } else {
    if (colours == 0) colours = size_t{1} << bitmap.bits;
    const size_t entry = size == 12 ? 3 : 4;
    if (stated == header_end) bitmap.pixels += entry * colours;  // some programs forget the palette
    for (size_t i = 0; i < std::min<size_t>(colours, 256); ++i) {
      for (size_t c = 3; c-- > 0;) bitmap.colours[i][c] = reader.byte();
      reader.skip(entry - 3);
    }
  }
  if (bitmap.pixels == 0) bitmap.pixels = reader.at();
  return bitmap;
}

StillHeader bmp_header(std::string_view file) {
  const Bitmap bitmap = read_bitmap(file);
  StillHeader header{bitmap.height, bitmap.width};
  if (bitmap.has_runs()) header.decoder_bytes = bitmap.height * bitmap.width;
  return header;
}

/// Indices of a picture in runs, rows from below.
std::vector<uint8_t> unpack_runs(ByteReader reader, const Bitmap& bitmap) {
  const bool halves = bitmap.packing == Packing::kRuns4;
  const auto width = static_cast<size_t>(bitmap.width), all = static_cast<size_t>(bitmap.height) * width;
  std::vector<uint8_t> indices;
  indices.reserve(all);
  const auto index = [&](std::string_view bytes, size_t i) {
    const auto byte = static_cast<uint8_t>(bytes[halves ? i / 2 % bytes.size() : i % bytes.size()]);
    return static_cast<uint8_t>(!halves ? byte : i % 2 == 0 ? byte >> 4 : byte & 15);
  };
  size_t column = 0;
  while (indices.size() < all) {
    const size_t count = reader.byte();
    const std::string_view value = reader.take(1);
    const auto code = static_cast<uint8_t>(value[0]);
    if (count > 0) {  // one value, or two in turn; never beyond the row
      const size_t most = std::min(column + count, std::max(width, column)) - column;
      for (size_t i = 0; i < most; ++i) indices.push_back(index(value, halves ? i % 2 : 0));
      column += most;
    } else if (code == 0) {  // the end of a row
      while (indices.size() % width != 0) indices.push_back(0);
      column = 0;
    } else if (code == 1) {
      throw DamagedStill("it ends before its last pixel");
    } else if (code == 2) {  // a step to the right and up
      const size_t right = reader.byte(), up = reader.byte();
      indices.insert(indices.end(), std::min(all - indices.size(), right + up * width), uint8_t{0});
      column = indices.size() % width;
    } else {  // values one by one, filled up to 16 bits
      const size_t values = std::min<size_t>(all - indices.size(), code);
      const std::string_view bytes = reader.take(halves ? (values + 1) / 2 : values);
      for (size_t i = 0; i < values; ++i) indices.push_back(index(bytes, i));
      column += code;
      if (reader.at() % 2 != 0 && reader.left() > 0) reader.skip(1);
    }
    if (indices.size() > all) throw DamagedStill("it has more pixels than it says");
  }
  return indices;
}

/// The bits of a mask spread over 8.
uint8_t channel(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  return static_cast<uint8_t>(uint64_t{(pixel & mask) >> shift} * 255 / (mask >> shift));
}

void bmp_pixels(std::string_view file, const StillHeader&, uint8_t* rgb) {
  const Bitmap bitmap = read_bitmap(file);
  ByteReader reader(file);
  reader.seek(bitmap.pixels);
  const auto width = static_cast<size_t>(bitmap.width);
  const std::vector<uint8_t> indices =
      bitmap.has_runs() ? unpack_runs(reader, bitmap) : std::vector<uint8_t>();
  const size_t bytes = (width * bitmap.bits + 7) / 8, padded = (bytes + 3) / 4 * 4;
  for (int64_t y = 0; y < bitmap.height; ++y) {
    uint8_t* to = rgb + static_cast<size_t>(bitmap.from_above ? y : bitmap.height - 1 - y) * width * 3;
    if (bitmap.has_runs()) {
      const uint8_t* from = indices.data() + static_cast<size_t>(y) * width;
      for (size_t x = 0; x < width; ++x, to += 3) std::copy_n(bitmap.colours[from[x]].begin(), 3, to);
      continue;
    }
    ByteReader row(reader.take(bytes));
    if (y + 1 < bitmap.height) reader.skip(padded - bytes);
    uint32_t eight = 0;
    for (size_t x = 0; x < width; ++x, to += 3) {
      if (bitmap.bits <= 8) {
        const size_t in_byte = x % (8 / bitmap.bits);
        if (in_byte == 0) eight = row.byte();
        const size_t index = eight >> (8 - bitmap.bits * (in_byte + 1)) & ((1U << bitmap.bits) - 1);
        std::copy_n(bitmap.colours[index].begin(), 3, to);
      } else {
        const uint32_t pixel = row.number(bitmap.bits / 8);
        for (size_t c = 0; c < 3; ++c) to[c] = channel(pixel, bitmap.masks[c]);
      }
    }
  }
}

bool is_bmp(std::string_view start) {
  if (!start.starts_with("BM") || start.size() < 18) return false;
  ByteReader reader(start);
  reader.skip(kFileHeader);
  constexpr uint32_t kHeaders[] = {12, 40, 52, 56, 64, 108, 124};
  return std::find(std::begin(kHeaders), std::end(kHeaders), reader.number(4)) != std::end(kHeaders);
}

}  // namespace

StillFormat bmp_format() { return {"BMP", is_bmp, bmp_header, bmp_pixels}; }

}  // namespace reel::media
