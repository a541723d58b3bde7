#include "pipeline/media/libav/encoders.h"

#include "pipeline/media/libav/libav.h"

namespace reel::media {

const Encoder* find_encoder(const std::string& codec) {
  // Best first. Two threads whatever the machine has: x264's output depends on their number, and the same
  // frames shall give the same file. Its macroblock tree is off for the same reason: with it, x264 r3095 on
  // AVX-512 processors wrote other bytes for the same frames within one process. libaom stands before
  // SVT-AV1, which prints on stderr past libav's log.
  static const std::vector<Encoder> all = {
      {"h264", "libx264", {{"preset", "medium"}, {"x264-params", "mbtree=0"}}},
      {"hevc",
       "libx265",
       {{"preset", "medium"}, {"x265-params", "log-level=none:info=0:pools=2:frame-threads=1"}}},
      {"vp9", "libvpx-vp9", {{"deadline", "good"}, {"cpu-used", "2"}, {"row-mt", "1"}}},
      {"av1", "libaom-av1", {{"usage", "good"}, {"cpu-used", "6"}, {"row-mt", "1"}}},
      {"av1", "libsvtav1", {{"preset", "8"}}},
      {"gif", "gif", {}}};
  for (const Encoder& encoder : all) {
    if (encoder.codec == codec && avcodec_find_encoder_by_name(encoder.name.c_str())) return &encoder;
  }
  return nullptr;
}

bool can_encode(const std::string& codec) { return codec == "png" || find_encoder(codec) != nullptr; }

}  // namespace reel::media
