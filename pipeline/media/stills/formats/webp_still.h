// WebP files, by libwebp.
#pragma once

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

/// Lossy and lossless; alpha is dropped; of an animation the first frame.
StillFormat webp_format();

}  // namespace reel::media
