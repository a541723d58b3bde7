// PNG files, by libpng.
#pragma once

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

/// All kinds of pixels: alpha and transparent colours are dropped, not blended; 16 bits are cut to 8, but those of grey
/// without alpha end at 255, so that such pictures are mostly white: both as Pillow does.
StillFormat png_format();

}  // namespace reel::media
