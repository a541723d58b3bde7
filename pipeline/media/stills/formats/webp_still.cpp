#include "pipeline/media/stills/formats/webp_still.h"

#include <webp/decode.h>

#include <algorithm>
#include <string>

#include "pipeline/media/stills/byte_reader.h"
#include "pipeline/media/stills/orientation.h"

namespace reel::media {
namespace {

/// What the chunks of a file say. Source: RFC 9649.
struct WebpParts {
  int64_t height = 0, width = 0;  // of the canvas; 0: that of the picture
  int64_t left = 0, top = 0;      // of the picture on it
  std::string_view pixels;        // the chunk of colours, with its header
  std::string_view exif, xmp;
};

constexpr uint8_t kExifFlag = 8, kXmpFlag = 4;

/// The chunks from the reader's place on; those of the first frame if they are in one.
void read_chunks(ByteReader& reader, std::string_view bytes, uint8_t flags, WebpParts& parts) {
  while (reader.left() >= 8) {
    const size_t start = reader.at();
    const std::string_view kind = reader.take(4);
    const size_t size = reader.number(4);
    const std::string_view content = reader.take(size);
    const std::string_view whole = bytes.substr(start, 8 + size);
    if (kind == "ANMF" && parts.pixels.empty()) {
      ByteReader frame(content);
      parts.left = 2 * int64_t{frame.number(3)}, parts.top = 2 * int64_t{frame.number(3)};
      frame.skip(10);  // size, duration, flags: the frame's own picture says its size
      read_chunks(frame, content, 0, parts);
    }
    if ((kind == "VP8 " || kind == "VP8L") && parts.pixels.empty()) parts.pixels = whole;
    if (kind == "EXIF" && (flags & kExifFlag) && parts.exif.empty()) parts.exif = content;
    if (kind == "XMP " && (flags & kXmpFlag) && parts.xmp.empty()) parts.xmp = content;
    if (size % 2 == 1 && reader.left() > 0) reader.skip(1);
  }
}

WebpParts parts_of(std::string_view file) {
  ByteReader reader(file);
  reader.skip(4);
  const size_t length = reader.number(4);
  if (length > reader.left()) throw DamagedStill("it is cut off");
  file = file.substr(0, 8 + length);
  reader = ByteReader(file);
  reader.skip(12);
  WebpParts parts;
  uint8_t flags = 0;
  if (file.substr(12, 4) == "VP8X") {
    reader.skip(4);
    const size_t size = reader.number(4), next = reader.at() + size;
    flags = reader.byte();
    reader.skip(3);
    parts.width = int64_t{reader.number(3)} + 1, parts.height = int64_t{reader.number(3)} + 1;
    reader.seek(next);
  }
  read_chunks(reader, file, flags, parts);
  if (parts.pixels.empty()) throw DamagedStill("it has no pixels");
  return parts;
}

WebPBitstreamFeatures features_of(std::string_view pixels) {
  WebPBitstreamFeatures features;
  const auto* data = reinterpret_cast<const uint8_t*>(pixels.data());
  if (WebPGetFeatures(data, pixels.size(), &features) != VP8_STATUS_OK)
    throw DamagedStill("its first chunk makes no sense");
  return features;
}

StillHeader webp_header(std::string_view file) {
  const WebpParts parts = parts_of(file);
  const WebPBitstreamFeatures features = features_of(parts.pixels);
  StillHeader header{parts.height > 0 ? parts.height : features.height,
                     parts.width > 0 ? parts.width : features.width};
  if (parts.top + features.height > header.height || parts.left + features.width > header.width)
    throw DamagedStill("its picture is larger than it says");
  // Lossless pictures are decoded to 32 bits a pixel.
  const bool lossless = parts.pixels.starts_with("VP8L");
  header.decoder_bytes = int64_t{features.height} * features.width * (lossless ? 4 : 1);
  header.orientation = orientation_of(parts.exif, parts.xmp);
  return header;
}

void webp_pixels(std::string_view file, const StillHeader& header, uint8_t* rgb) {
  // Pillow takes colours as they are stored, also under transparent pixels: alpha need not be unpacked.
  const WebpParts parts = parts_of(file);
  const WebPBitstreamFeatures features = features_of(parts.pixels);
  const int64_t stride = header.width * 3;
  if (features.height < header.height || features.width < header.width)
    std::fill_n(rgb, header.height * stride, uint8_t{0});  // an animation's first frame may leave some out
  uint8_t* const first = rgb + parts.top * stride + parts.left * 3;
  const int64_t bytes = (int64_t{features.height} - 1) * stride + int64_t{features.width} * 3;
  if (!WebPDecodeRGBInto(reinterpret_cast<const uint8_t*>(parts.pixels.data()), parts.pixels.size(), first,
                         static_cast<size_t>(bytes), static_cast<int>(stride)))
    throw DamagedStill("its pixels cannot be decoded");
}

}  // namespace

StillFormat webp_format() {
  return {"WebP",
          [](std::string_view start) { return start.starts_with("RIFF") && start.substr(8, 4) == "WEBP"; },
          webp_header, webp_pixels};
}

}  // namespace reel::media
