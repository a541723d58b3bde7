#include "pipeline/media/stills/formats/png_still.h"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "pipeline/media/stills/byte_reader.h"
#include "pipeline/media/stills/orientation.h"

namespace reel::media {
namespace {

constexpr std::string_view kPngMark("\x89PNG\r\n\x1a\n", 8);
constexpr size_t kMostTexts = 8;  // that are unpacked, of up to 8 MB each: libpng's limit

std::string from_hex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes += static_cast<char>(high << 4 | digit);
      high = -1;
    }
  }
  return bytes;
}

/// Of ImageMagick's "Raw profile type exif": three lines (empty, kind, length), then hexadecimal digits.
std::string raw_profile(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return "";
    text.remove_prefix(end + 1);
  }
  return from_hex(text);
}

/// The content of the chunk eXIf, which may stand behind the pixels; empty if there is none.
std::string_view exif_chunk(std::string_view file) {
  ByteReader reader(file, /*big_endian=*/true);
  reader.skip(kPngMark.size());
  while (reader.left() >= 12) {
    const size_t size = reader.number(4);
    const std::string_view kind = reader.take(4);
    if (size > reader.left()) break;
    const std::string_view content = reader.take(size);
    if (kind == "eXIf") return content;
    if (reader.left() < 4) break;
    reader.skip(4);
  }
  return {};
}

/// One reading of a file. libpng leaves it by longjmp, so that what runs in guarded() owns nothing.
class PngDecoder {
 public:
  explicit PngDecoder(std::string_view file) : file_(file) {
    png_ = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, this, [](png_structp png, png_const_charp words) { of(png).give_up(words); },
        [](png_structp, png_const_charp) {});
    if (png_) info_ = png_create_info_struct(png_);
    if (!info_) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;

  StillHeader header() {
    read_info();
    StillHeader header{height(), width()};
    if (deep_grey()) header.decoder_bytes = 2 * header.height * header.width;
    header.orientation = orientation();
    return header;
  }

  void decode(uint8_t* rgb) {
    read_info();
    const bool deep = deep_grey();
    const auto rows = static_cast<size_t>(height()), columns = static_cast<size_t>(width());
    std::vector<uint8_t> pairs(deep ? 2 * rows * columns : 0);
    std::vector<uint8_t*> lines(rows);
    for (size_t y = 0; y < rows; ++y)
      lines[y] = deep ? pairs.data() + 2 * y * columns : rgb + 3 * y * columns;
    uint8_t** const first = lines.data();
    guarded([&] {
      if (!deep) {
        png_set_strip_16(png_);
        png_set_palette_to_rgb(png_);
        png_set_expand_gray_1_2_4_to_8(png_);
        png_set_gray_to_rgb(png_);
        png_set_strip_alpha(png_);
      }
      png_read_update_info(png_, info_);
      png_read_image(png_, first);
      png_read_end(png_, nullptr);
    });
    for (size_t i = 0; i < pairs.size() / 2; ++i)
      std::fill_n(rgb + 3 * i, 3, pairs[2 * i] != 0 ? uint8_t{255} : pairs[2 * i + 1]);
  }

 private:
  static PngDecoder& of(png_structp png) { return *static_cast<PngDecoder*>(png_get_error_ptr(png)); }

  [[noreturn]] void give_up(const char* words) {
    std::snprintf(words_, sizeof words_, "%s", words);
    std::longjmp(place_, 1);
  }

  template <class Work>
  void guarded(Work work) {
    if (setjmp(place_) == 0) {
      work();
      return;
    }
    throw DamagedStill(words_);
  }

  static void read(png_structp png, png_bytep to, size_t count) {
    PngDecoder& decoder = *static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (count > decoder.file_.size() - decoder.at_) png_error(png, "it is cut off");
    std::memcpy(to, decoder.file_.data() + decoder.at_, count);
    decoder.at_ += count;
  }

  void read_info() {
    guarded([&] {
      png_set_read_fn(png_, this, read);
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // the caller bounds what is decoded
      png_set_chunk_cache_max(png_, kMostTexts);
      // Of what stands beside the pixels, only where an orientation may be is unpacked.
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_AS_DEFAULT,
                                  reinterpret_cast<png_const_bytep>("iTXt\0tEXt\0zTXt"), 3);
      png_read_info(png_, info_);
    });
  }

  int64_t height() const { return png_get_image_height(png_, info_); }
  int64_t width() const { return png_get_image_width(png_, info_); }
  bool deep_grey() const {
    return png_get_color_type(png_, info_) == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png_, info_) == 16;
  }

  int orientation() const {
    std::string exif, xmp;
    png_textp texts = nullptr;
    int count = 0;
    png_get_text(png_, info_, &texts, &count);
    for (int i = 0; i < count; ++i) {
      const std::string_view key = texts[i].key;
      const size_t length =
          texts[i].compression > PNG_TEXT_COMPRESSION_zTXt ? texts[i].itxt_length : texts[i].text_length;
      const std::string_view text(texts[i].text ? texts[i].text : "", length);
      if (key == "Raw profile type exif") exif = raw_profile(text);
      if (key == "XML:com.adobe.xmp") xmp = text;
    }
    const std::string_view own = exif_chunk(file_);
    return orientation_of(own.empty() ? exif : own, xmp);
  }

  std::string_view file_;
  size_t at_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf place_{};
  char words_[160] = {};
};

}  // namespace

StillFormat png_format() {
  return {"PNG", [](std::string_view start) { return start.starts_with(kPngMark); },
          [](std::string_view file) { return PngDecoder(file).header(); },
          [](std::string_view file, const StillHeader&, uint8_t* rgb) { PngDecoder(file).decode(rgb); }};
}

}  // namespace reel::media
