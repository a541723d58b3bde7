// BMP files, which need no library (OpenCV's reader of them differs from Pillow's).
#pragma once

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

/// Palettes of 1, 4 and 8 bits, plain or in runs; 16, 24 and 32 bits with the usual or any other masks; rows from below or
/// from above. Alpha is dropped.
/// Source: Microsoft's page "Bitmap Storage"; Pillow's BmpImagePlugin for what decoders differ in.
StillFormat bmp_format();

}  // namespace reel::media
