// Netpbm's .pbm, .pgm and .ppm, which need no library.
#pragma once

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

/// P1 to P6: plain and binary, of 1 to 65535 levels. Levels are spread over 8 bits, but greys of more than 256 levels
/// over 16 and then end at 255, so that such pictures are mostly white: as Pillow does.
/// Source: the Netpbm pages pbm(5), pgm(5), ppm(5); Pillow's PpmImagePlugin for rounding.
StillFormat pnm_format();

}  // namespace reel::media
