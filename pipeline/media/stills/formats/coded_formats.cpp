#include "pipeline/media/stills/formats/coded_formats.h"

#include "pipeline/media/stills/formats/jpeg_still.h"
#include "pipeline/media/stills/formats/png_still.h"
#include "pipeline/media/stills/formats/tiff_still.h"
#include "pipeline/media/stills/formats/webp_still.h"

namespace reel::media {

const std::vector<StillFormat>& coded_formats() {
  static const std::vector<StillFormat> formats = {jpeg_format(), png_format(), webp_format(), tiff_format()};
  return formats;
}

}  // namespace reel::media
