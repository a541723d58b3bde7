#include "pipeline/media/stills/formats/jpeg_still.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <string>
#include <vector>

// libjpeg needs <cstdio> before it.
#include <jpeglib.h>
// Knows all of its errors only after it.
#include <jerror.h>

#include "pipeline/media/stills/formats/ink.h"
#include "pipeline/media/stills/orientation.h"

namespace reel::media {
namespace {

constexpr int kMostScans = 500;
constexpr int64_t kMostVisits = int64_t{1} << 27;  // of 8 x 8 blocks, over all scans: about a second

/// One decompression. libjpeg leaves it by longjmp, so that what runs in guarded() owns nothing.
class JpegDecoder {
 public:
  explicit JpegDecoder(std::string_view file) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) { of(info).give_up(); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0 && is_damage(info->err->msg_code)) of(info).give_up();
    };
    errors_.output_message = [](j_common_ptr) {};
    info_.client_data = this;
    guarded([&] {
      jpeg_create_decompress(&info_);
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file.data()), file.size());
      jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xffff);
      jpeg_read_header(&info_, TRUE);
    });
    if (info_.data_precision != 8)
      throw UnknownStill("with " + std::to_string(info_.data_precision) + " bits a channel");
    if (info_.num_components != 1 && info_.num_components != 3 && info_.num_components != 4)
      throw UnknownStill("of " + std::to_string(info_.num_components) + " channels");
  }
  JpegDecoder(const JpegDecoder&) = delete;

  StillHeader header() {
    StillHeader header{static_cast<int64_t>(info_.image_height), static_cast<int64_t>(info_.image_width)};
    std::string exif, xmp;
    constexpr std::string_view kExif("Exif\0\0", 6), kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
    for (jpeg_saved_marker_ptr marker = info_.marker_list; marker; marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      // Long EXIF goes on in further segments; of XMP the last one counts.
      if (data.starts_with(kExif)) exif += data.substr(exif.empty() ? 0 : kExif.size());
      if (data.starts_with(kXmp)) xmp = data.substr(kXmp.size());
    }
    header.orientation = orientation_of(exif, xmp);
    if (jpeg_has_multiple_scans(&info_))
      header.decoder_bytes = blocks() * DCTSIZE2 * static_cast<int64_t>(sizeof(JCOEF));
    return header;
  }

  void decode(uint8_t* rgb) {
    const bool four = info_.num_components == 4;
    info_.out_color_space = four ? JCS_CMYK : JCS_RGB;
    const size_t width = info_.image_width;
    std::vector<uint8_t> line(four ? width * 4 : 0);
    uint8_t* const inks = line.data();
    jpeg_progress_mgr progress{};
    progress.progress_monitor = [](j_common_ptr info) {
      JpegDecoder& decoder = of(info);
      const int64_t scans = decoder.info_.input_scan_number;
      if (scans > kMostScans || scans * decoder.blocks() > kMostVisits) {
        decoder.too_many_scans_ = true;
        decoder.give_up();
      }
    };
    info_.progress = &progress;
    guarded([&] {
      jpeg_start_decompress(&info_);
      while (info_.output_scanline < info_.output_height) {
        uint8_t* const to = rgb + size_t{info_.output_scanline} * width * 3;
        JSAMPROW row = four ? inks : to;
        jpeg_read_scanlines(&info_, &row, 1);
        if (four) inverted_inks(inks, width, to);
      }
      jpeg_finish_decompress(&info_);
    });
  }

 private:
  static JpegDecoder& of(j_common_ptr info) { return *static_cast<JpegDecoder*>(info->client_data); }

  /// Warnings that stand for missing or senseless data. The others, such as bytes between segments, do no harm.
  static bool is_damage(int code) {
    return code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
           code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC;
  }

  [[noreturn]] void give_up() { std::longjmp(place_, 1); }

  template <class Work>
  void guarded(Work work) {
    if (setjmp(place_) == 0) {
      work();
      return;
    }
    refuse();
  }

  [[noreturn]] void refuse() {
    const int code = errors_.msg_code;
    char words[JMSG_LENGTH_MAX] = {};
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), words);
    if (too_many_scans_) throw UnknownStill("with more scans than pictures need");
    if (code == JWRN_JPEG_EOF) throw DamagedStill("it is cut off");
    if (code == JERR_IMAGE_TOO_BIG) throw UnknownStill("of more than 65500 pixels a side");
    if (code == JERR_BAD_PRECISION || code == JERR_SOF_UNSUPPORTED)
      throw UnknownStill(std::string("of a rare kind (") + words + ")");
    throw DamagedStill(words);
  }

  int64_t blocks() const {
    int64_t count = 0;
    for (int c = 0; c < info_.num_components; ++c)
      count += int64_t{info_.comp_info[c].width_in_blocks} * info_.comp_info[c].height_in_blocks;
    return count;
  }

  /// Adobe's programs write inks inverted, and all others have followed.
  static void inverted_inks(const uint8_t* inks, size_t width, uint8_t* rgb) {
    for (size_t x = 0; x < width; ++x, inks += 4, rgb += 3) {
      uint8_t pixel[4];
      for (int c = 0; c < 4; ++c) pixel[c] = static_cast<uint8_t>(255 - inks[c]);
      inks_to_rgb(pixel, rgb);
    }
  }

  struct Info : jpeg_decompress_struct {
    ~Info() { jpeg_destroy_decompress(this); }
  };

  Info info_{};  // freed even if the constructor throws
  jpeg_error_mgr errors_{};
  std::jmp_buf place_{};
  bool too_many_scans_ = false;
};

}  // namespace

StillFormat jpeg_format() {
  return {"JPEG", [](std::string_view start) { return start.starts_with("\xff\xd8\xff"); },
          [](std::string_view file) { return JpegDecoder(file).header(); },
          [](std::string_view file, const StillHeader&, uint8_t* rgb) { JpegDecoder(file).decode(rgb); }};
}

}  // namespace reel::media
