#include "pipeline/media/stills/formats/tiff_still.h"

#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/media/stills/formats/ink.h"

namespace reel::media {
namespace {

constexpr int64_t kMostUnpacked = int64_t{512} << 20;  // bytes of all strips or tiles

/// A file in memory, as libtiff wants it.
struct Memory {
  std::string_view bytes;
  toff_t at = 0;
  static Memory& of(thandle_t handle) { return *static_cast<Memory*>(handle); }
};

tmsize_t read_memory(thandle_t handle, void* to, tmsize_t count) {
  Memory& memory = Memory::of(handle);
  if (count < 0 || memory.at > memory.bytes.size()) return 0;
  const size_t some = std::min<size_t>(static_cast<size_t>(count), memory.bytes.size() - memory.at);
  std::memcpy(to, memory.bytes.data() + memory.at, some);
  memory.at += some;
  return static_cast<tmsize_t>(some);
}
tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek_memory(thandle_t handle, toff_t place, int whence) {
  Memory& memory = Memory::of(handle);
  const toff_t start = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? memory.at : memory.bytes.size();
  return memory.at = start + place;
}
int close_nothing(thandle_t) { return 0; }
toff_t memory_size(thandle_t handle) { return Memory::of(handle).bytes.size(); }

/// What the directory of the first picture says.
class TiffPicture {
 public:
  explicit TiffPicture(std::string_view file) : memory_{file} {
    // Words about odd files would reach the terminal. The setting is the same for all threads.
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    tiff_.reset(TIFFClientOpen("picture", "rm", &memory_, read_memory, write_nothing, seek_memory,
                               close_nothing, memory_size, nullptr, nullptr));
    if (!tiff_) throw DamagedStill("its directory makes no sense");
    uint32_t width = 0, height = 0;
    TIFFGetField(get(), TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(get(), TIFFTAG_IMAGELENGTH, &height);
    header.width = width, header.height = height;
    header.orientation = short_tag(TIFFTAG_ORIENTATION);
    if (header.orientation < 1 || header.orientation > 8) header.orientation = 1;
    bits = short_tag(TIFFTAG_BITSPERSAMPLE), samples = short_tag(TIFFTAG_SAMPLESPERPIXEL);
    numbers = short_tag(TIFFTAG_SAMPLEFORMAT);
    separate = short_tag(TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
    uint16_t stated = PHOTOMETRIC_MINISBLACK;
    TIFFGetField(get(), TIFFTAG_PHOTOMETRIC, &stated);
    colours = stated;
    if (colours == PHOTOMETRIC_YCBCR && short_tag(TIFFTAG_COMPRESSION) == COMPRESSION_JPEG) {
      TIFFSetField(get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      colours = PHOTOMETRIC_RGB;
    }
    check_kind();
    find_blocks();
  }

  TIFF* get() const { return tiff_.get(); }

  StillHeader header;
  int bits = 0, samples = 0, numbers = 0, colours = 0;
  bool separate = false;  // each channel in blocks of its own
  bool tiled = false;
  int64_t block_width = 0, block_height = 0;  // of a strip or tile
  int64_t block_bytes = 0;

  /// Channels that are looked at.
  int channels() const {
    const int needed = colours == PHOTOMETRIC_RGB ? 3 : colours == PHOTOMETRIC_SEPARATED ? 4 : 1;
    return premultiplied() ? 4 : needed;
  }
  /// Colours that were multiplied by an alpha beside them.
  bool premultiplied() const {
    uint16_t count = 0, *kinds = nullptr;
    return colours == PHOTOMETRIC_RGB && samples >= 4 &&
           TIFFGetField(get(), TIFFTAG_EXTRASAMPLES, &count, &kinds) && count > 0 &&
           kinds[0] == EXTRASAMPLE_ASSOCALPHA;
  }

 private:
  struct Close {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
  };

  int short_tag(uint32_t tag) const {
    uint16_t value = 0;
    TIFFGetFieldDefaulted(get(), tag, &value);
    return value;
  }

  void check_kind() const {
    const bool whole = numbers == SAMPLEFORMAT_UINT || numbers == SAMPLEFORMAT_VOID;
    const bool grey = colours == PHOTOMETRIC_MINISBLACK || colours == PHOTOMETRIC_MINISWHITE;
    const bool low = bits == 1 || bits == 2 || bits == 4 || bits == 8;
    bool known = false;
    if (grey) {
      known = (low && whole) || ((bits == 16 || bits == 32) && (whole || numbers == SAMPLEFORMAT_INT)) ||
              (bits == 32 && numbers == SAMPLEFORMAT_IEEEFP);
    } else if (colours == PHOTOMETRIC_PALETTE) {
      known = low && whole;
    } else if (colours == PHOTOMETRIC_RGB || colours == PHOTOMETRIC_SEPARATED) {
      known = (bits == 8 || bits == 16) && whole && samples >= channels();
    }
    if (known && samples >= 1 && samples <= 64) return;
    throw UnknownStill("of " + std::to_string(samples) + " channels with " + std::to_string(bits) +
                       " bits, colours of kind " + std::to_string(colours));
  }

  void find_blocks() {
    uint32_t width = 0, height = 0;
    tiled = TIFFIsTiled(get()) != 0;
    if (tiled) {
      TIFFGetField(get(), TIFFTAG_TILEWIDTH, &width);
      TIFFGetField(get(), TIFFTAG_TILELENGTH, &height);
    } else {
      TIFFGetFieldDefaulted(get(), TIFFTAG_ROWSPERSTRIP, &height);
      width = static_cast<uint32_t>(header.width);
      height = static_cast<uint32_t>(std::min<int64_t>(height, header.height));
    }
    block_width = width, block_height = height;
    block_bytes = tiled ? TIFFTileSize(get()) : TIFFStripSize(get());
    if (header.width < 1 || header.height < 1) return;  // the caller refuses it
    if (block_width < 1 || block_height < 1 || block_bytes < 1) throw DamagedStill("its parts have no size");
    header.decoder_bytes = block_bytes + (separate ? header.width * header.height * channels() : 0);
    const int64_t across = (header.width + block_width - 1) / block_width,
                  down = (header.height + block_height - 1) / block_height, planes = separate ? samples : 1;
    if (across * down > kMostUnpacked / planes / block_bytes)
      header.decoder_bytes = std::max(header.decoder_bytes, kMostUnpacked);  // more than the caller takes
  }

  Memory memory_;
  std::unique_ptr<TIFF, Close> tiff_;
};

/// Turns the numbers of one row of a block into bytes, one for each sample.
class Row {
 public:
  explicit Row(const TiffPicture& picture) : picture_(picture) {
    if (picture.colours != PHOTOMETRIC_PALETTE) return;
    if (!TIFFGetField(picture.get(), TIFFTAG_COLORMAP, &maps_[0], &maps_[1], &maps_[2]))
      throw DamagedStill("it has no palette");
  }

  /// Sample `i` as Pillow's conversion to RGB has it; of palettes the index.
  uint8_t sample(const uint8_t* row, int64_t i) const {
    const bool grey = picture_.colours <= PHOTOMETRIC_MINISBLACK;
    switch (picture_.bits) {
      case 8:
        return inverted() ? static_cast<uint8_t>(255 - row[i]) : row[i];
      case 16: {
        uint16_t value;
        std::memcpy(&value, row + 2 * i, 2);
        if (picture_.numbers == SAMPLEFORMAT_INT) return to_byte(static_cast<int16_t>(value));
        return grey ? to_byte(value) : static_cast<uint8_t>(value >> 8);
      }
      case 32: {
        if (picture_.numbers == SAMPLEFORMAT_IEEEFP) {
          float value;
          std::memcpy(&value, row + 4 * i, 4);
          return static_cast<uint8_t>(value > 0 ? std::min(value, 255.0F) : 0);
        }
        int32_t value;
        std::memcpy(&value, row + 4 * i, 4);
        return to_byte(value);
      }
      default: {
        const int bits = picture_.bits, place = static_cast<int>(i % (8 / bits)), most = (1 << bits) - 1;
        const int value = row[i * bits / 8] >> (8 - bits * (place + 1)) & most;
        if (picture_.colours == PHOTOMETRIC_PALETTE) return static_cast<uint8_t>(value);
        return static_cast<uint8_t>((inverted() ? most - value : value) * (255 / most));
      }
    }
  }

  void to_rgb(const uint8_t* values, uint8_t* rgb) const {
    if (picture_.colours == PHOTOMETRIC_PALETTE) {
      for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(maps_[c][values[0]] >> 8);
    } else if (picture_.colours == PHOTOMETRIC_SEPARATED) {
      inks_to_rgb(values, rgb);
    } else if (picture_.colours == PHOTOMETRIC_RGB) {
      const int alpha = picture_.channels() == 4 ? values[3] : 255;
      for (int c = 0; c < 3; ++c)
        rgb[c] = static_cast<uint8_t>(alpha == 0 ? 0 : std::min(values[c] * 255 / alpha, 255));
    } else {
      std::fill_n(rgb, 3, values[0]);
    }
  }

 private:
  bool inverted() const { return picture_.colours == PHOTOMETRIC_MINISWHITE && picture_.bits <= 8; }
  static uint8_t to_byte(int32_t value) { return static_cast<uint8_t>(std::clamp(value, 0, 255)); }

  const TiffPicture& picture_;
  uint16_t* maps_[3] = {};
};

StillHeader tiff_header(std::string_view file) { return TiffPicture(file).header; }

void tiff_pixels(std::string_view file, const StillHeader& header, uint8_t* rgb) {
  const TiffPicture picture(file);
  const Row row(picture);
  const int channels = picture.channels(), planes = picture.separate ? channels : 1;
  std::vector<uint8_t> block(static_cast<size_t>(picture.block_bytes));
  std::vector<uint8_t> values(picture.separate ? static_cast<size_t>(header.width * header.height * channels)
                                               : 0);
  const int64_t line_bytes = picture.tiled ? TIFFTileRowSize(picture.get()) : TIFFScanlineSize(picture.get());
  const int64_t step = picture.separate ? 1 : picture.samples;
  for (int plane = 0; plane < planes; ++plane) {
    for (int64_t top = 0; top < header.height; top += picture.block_height) {
      for (int64_t left = 0; left < header.width; left += picture.block_width) {
        const auto x = static_cast<uint32_t>(left), y = static_cast<uint32_t>(top);
        const auto part = static_cast<uint16_t>(plane);
        const int64_t rows = std::min(picture.block_height, header.height - top),
                      columns = std::min(picture.block_width, header.width - left);
        const int64_t needed = picture.tiled ? picture.block_bytes : rows * line_bytes;
        const tmsize_t got =
            picture.tiled ? TIFFReadEncodedTile(picture.get(), TIFFComputeTile(picture.get(), x, y, 0, part),
                                                block.data(), needed)
                          : TIFFReadEncodedStrip(picture.get(), TIFFComputeStrip(picture.get(), y, part),
                                                 block.data(), needed);
        if (got < needed) throw DamagedStill("some of its pixels cannot be unpacked");
        for (int64_t r = 0; r < rows; ++r) {
          const uint8_t* line = block.data() + r * line_bytes;
          const int64_t first = (top + r) * header.width + left;
          for (int64_t c = 0; c < columns; ++c) {
            if (picture.separate) {
              values[static_cast<size_t>((first + c) * channels + plane)] = row.sample(line, c);
              continue;
            }
            uint8_t pixel[4] = {};
            for (int s = 0; s < channels; ++s) pixel[s] = row.sample(line, c * step + s);
            row.to_rgb(pixel, rgb + 3 * (first + c));
          }
        }
      }
    }
  }
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()) / channels; ++i)
    row.to_rgb(values.data() + i * channels, rgb + 3 * i);
}

bool is_tiff(std::string_view start) {
  if (start.size() < 8) return false;
  const std::string_view mark = start.substr(0, 4);
  for (const std::string_view known : {std::string_view("II*\0", 4), std::string_view("MM\0*", 4),
                                       std::string_view("II+\0", 4), std::string_view("MM\0+", 4)})
    if (mark == known) return true;
  return false;
}

}  // namespace

StillFormat tiff_format() { return {"TIFF", is_tiff, tiff_header, tiff_pixels}; }

}  // namespace reel::media
