#include "pipeline/media/stills/formats/gif_still.h"

#include <algorithm>
#include <array>
#include <vector>

#include "pipeline/media/stills/byte_reader.h"

namespace reel::media {
namespace {

using ColourTable = std::array<std::array<uint8_t, 3>, 256>;

struct GifFrame {
  int64_t height = 0, width = 0;  // of the canvas
  int64_t top = 0, left = 0, frame_height = 0, frame_width = 0;
  bool interlaced = false;
  uint8_t rest = 0;  // index of what the frame leaves out
  ColourTable palette{};
  size_t data = 0;  // where the code size stands
};

/// Colours beyond the table are black; without any table an index is a grey.
ColourTable read_table(ByteReader& reader, uint8_t flags) {
  ColourTable palette{};
  for (int i = 0; i < 2 << (flags & 7); ++i)
    for (uint8_t& channel : palette[static_cast<size_t>(i)]) channel = reader.byte();
  return palette;
}

void skip_blocks(ByteReader& reader) {
  for (size_t size = reader.byte(); size > 0; size = reader.byte()) reader.skip(size);
}

GifFrame first_frame(std::string_view file) {
  constexpr uint8_t kHasTable = 0x80, kInterlaced = 0x40, kTransparent = 1;
  constexpr uint8_t kExtension = '!', kPicture = ',', kControl = 0xf9;
  ByteReader reader(file);
  GifFrame frame;
  reader.skip(6);
  frame.width = reader.number(2), frame.height = reader.number(2);
  const uint8_t flags = reader.byte();
  reader.skip(2);
  for (size_t i = 0; i < 256; ++i) frame.palette[i].fill(static_cast<uint8_t>(i));
  if (flags & kHasTable) frame.palette = read_table(reader, flags);
  for (;;) {
    const uint8_t block = reader.byte();
    if (block == ';') throw DamagedStill("it has no picture");
    if (block == kExtension) {
      if (reader.byte() == kControl) {
        ByteReader control(reader.take(reader.byte()));
        if (control.left() >= 4 && (control.byte() & kTransparent)) {
          control.skip(2);
          frame.rest = control.byte();
        }
      }
      skip_blocks(reader);
    } else if (block == kPicture) {
      break;
    }  // else a stray byte, which decoders pass over
  }
  frame.left = reader.number(2), frame.top = reader.number(2);
  frame.frame_width = reader.number(2), frame.frame_height = reader.number(2);
  const uint8_t own = reader.byte();
  frame.interlaced = (own & kInterlaced) != 0;
  if (own & kHasTable) frame.palette = read_table(reader, own);
  frame.data = reader.at();
  frame.width = std::max(frame.width, frame.left + frame.frame_width);
  frame.height = std::max(frame.height, frame.top + frame.frame_height);
  if (frame.frame_width == 0 || frame.frame_height == 0) throw DamagedStill("its picture has no pixels");
  return frame;
}

/// The bits of LZW codes, lowest first, from blocks of up to 255 bytes.
class CodeReader {
 public:
  explicit CodeReader(ByteReader reader) : reader_(reader) {}
  uint32_t next(int size) {
    while (count_ < size) {
      if (block_ == 0) block_ = reader_.byte();
      if (block_ == 0) throw DamagedStill("it is cut off");
      bits_ |= static_cast<uint32_t>(reader_.byte()) << count_;
      --block_, count_ += 8;
    }
    const uint32_t code = bits_ & ((1U << size) - 1);
    bits_ >>= size, count_ -= size;
    return code;
  }

 private:
  ByteReader reader_;
  uint32_t bits_ = 0;
  int count_ = 0;
  size_t block_ = 0;  // bytes left of it
};

/// Gives `count` indices to `put`, in their order in the file.
template <class Put>
void unpack(ByteReader reader, int64_t count, Put put) {
  constexpr uint32_t kMostCodes = 4096;
  const int size = reader.byte();
  if (size < 1 || size > 8) throw DamagedStill("its codes have a wrong size");
  const uint32_t clear = 1U << size, end = clear + 1;
  std::array<uint16_t, kMostCodes> before{};  // the string without its last index
  std::array<uint8_t, kMostCodes> last{}, first{};
  for (uint32_t i = 0; i < clear; ++i) first[i] = last[i] = static_cast<uint8_t>(i);
  std::vector<uint8_t> text(kMostCodes);
  CodeReader codes(reader);
  int bits = size + 1;
  uint32_t known = end + 1, previous = kMostCodes;  // none
  while (count > 0) {
    const uint32_t code = codes.next(bits);
    if (code == end) throw DamagedStill("it ends before its last pixel");
    if (code == clear) {
      bits = size + 1, known = end + 1, previous = kMostCodes;
      continue;
    }
    if (code > known || (code == known && previous == kMostCodes) || (previous == kMostCodes && code > clear))
      throw DamagedStill("one of its codes makes no sense");
    if (previous != kMostCodes && known < kMostCodes) {
      before[known] = static_cast<uint16_t>(previous);
      first[known] = first[previous];
      last[known] = code == known ? first[previous] : first[code];
      if (++known == (1U << bits) && bits < 12) ++bits;
    }
    size_t length = 0;
    for (uint32_t at = code;; at = before[at]) {
      text[length++] = last[at];
      if (at < clear) break;
    }
    for (; length > 0 && count > 0; --count) put(text[--length]);
    previous = code;
  }
}

StillHeader gif_header(std::string_view file) {
  const GifFrame frame = first_frame(file);
  return {frame.height, frame.width};
}

void gif_pixels(std::string_view file, const StillHeader&, uint8_t* rgb) {
  const GifFrame frame = first_frame(file);
  ByteReader reader(file);
  reader.seek(frame.data);
  if (frame.frame_height < frame.height || frame.frame_width < frame.width) {
    for (int64_t i = 0; i < frame.height * frame.width; ++i)
      std::copy_n(frame.palette[frame.rest].begin(), 3, rgb + 3 * i);
  }
  // Interlaced: rows 0, 8, ..., then 4, 12, ..., then 2, 6, ..., then 1, 3, ...
  constexpr int64_t kStart[] = {0, 4, 2, 1}, kStep[] = {8, 8, 4, 2};
  int64_t row = 0, column = 0;
  size_t pass = 0;
  unpack(reader, frame.frame_height * frame.frame_width, [&](uint8_t index) {
    uint8_t* pixel = rgb + 3 * ((frame.top + row) * frame.width + frame.left + column);
    std::copy_n(frame.palette[index].begin(), 3, pixel);
    if (++column < frame.frame_width) return;
    column = 0;
    row += frame.interlaced ? kStep[pass] : 1;
    while (frame.interlaced && row >= frame.frame_height && pass < 3) row = kStart[++pass];
  });
}

}  // namespace

StillFormat gif_format() {
  return {"GIF",
          [](std::string_view start) { return start.starts_with("GIF87a") || start.starts_with("GIF89a"); },
          gif_header, gif_pixels};
}

}  // namespace reel::media
