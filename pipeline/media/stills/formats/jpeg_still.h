// JPEG files, by libjpeg.
#pragma once

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

/// Grey, colour and CMYK (inverted, as Adobe writes it), sequential and progressive, of 8 bits. Data that libjpeg warns
/// of as damaged is refused, while it would show something in its place. Scans beyond what real files have are refused,
/// since each passes over the whole picture.
StillFormat jpeg_format();

}  // namespace reel::media
