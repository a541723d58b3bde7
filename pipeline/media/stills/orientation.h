// How a camera was held: what EXIF and XMP say of it, and turning a picture upright.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace reel::media {

/// The orientation 1 to 8; 1 (upright) if nothing usable is said. `exif`: with or without the mark "Exif\0\0"; `xmp`
/// counts if EXIF names none. Either may be empty.
/// Source: Pillow's Image.getexif, which transformers' load_image goes by.
int orientation_of(std::string_view exif, std::string_view xmp);

/// pixels: [H, W, 3] as stored. Contiguous; the same tensor if it is upright already.
at::Tensor upright(const at::Tensor& pixels, int orientation);

}  // namespace reel::media
