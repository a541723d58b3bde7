// TIFF files, by libtiff.
#pragma once

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

/// The first picture of a file: grey of 1 to 32 bits and floats, palettes, RGB and CMYK of 8 and 16 bits, in strips or tiles,
/// with every packing that libtiff knows. Deep greys end at 255 and deep colours are cut to 8 bits, as Pillow does.
StillFormat tiff_format();

}  // namespace reel::media
