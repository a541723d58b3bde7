// The first frame of a GIF. Written here, since FFmpeg forgets the colours under transparent pixels, and builds without
// media can have it so.
#pragma once

#include "pipeline/media/stills/formats/still_format.h"

namespace reel::media {

/// The first picture on the canvas; transparent pixels and what it leaves out have the colour that the palette gives them.
/// Source: the GIF89a specification; Pillow's GifImagePlugin for what decoders differ in.
StillFormat gif_format();

}  // namespace reel::media
