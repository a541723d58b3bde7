#include "pipeline/media/stills/orientation.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "pipeline/media/stills/formats/still_format.h"
#include "pipeline/media/stills/tiff_directory.h"

namespace reel::media {
namespace {

constexpr int64_t kAbsent = -1;

int64_t from_exif(std::string_view exif) {
  constexpr std::string_view kMark("Exif\0\0", 6);
  for (int i = 0; i < 2 && exif.starts_with(kMark); ++i) exif.remove_prefix(kMark.size());
  if (exif.empty()) return kAbsent;
  try {
    return tiff_directory(exif).get(kTiffOrientation, kAbsent);
  } catch (const DamagedStill&) {
    return kAbsent;  // a picture is not worse for what is written beside it
  }
}

int64_t from_xmp(std::string_view xmp) {
  for (const std::string_view start : {"tiff:Orientation=\"", "tiff:Orientation>"}) {
    const size_t at = xmp.find(start);
    if (at == std::string_view::npos || at + start.size() >= xmp.size()) continue;
    const char digit = xmp[at + start.size()];
    if (digit >= '0' && digit <= '9') return digit - '0';
  }
  return kAbsent;
}

}  // namespace

int orientation_of(std::string_view exif, std::string_view xmp) {
  int64_t value = from_exif(exif);
  if (value == kAbsent) value = from_xmp(xmp);
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

at::Tensor upright(const at::Tensor& pixels, int orientation) {
  // EXIF 2.32, 4.6.4: 5 to 8 have rows and columns exchanged.
  at::Tensor turned = orientation >= 5 ? pixels.transpose(0, 1) : pixels;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  if (from_right) turned = turned.flip({1});
  if (from_below) turned = turned.flip({0});
  return turned.contiguous();
}

}  // namespace reel::media
