// The kinds of pictures that need libraries.
#pragma once

#include <vector>

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

/// Empty in a build without media.
const std::vector<StillFormat>& coded_formats();

}  // namespace reel::media
