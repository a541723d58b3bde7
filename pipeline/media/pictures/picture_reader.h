// Reads one picture by OpenCV: the same decoders (libjpeg, libpng, libwebp) that Python's picture libraries
// use, so that a captioner sees the same pixels.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "pipeline/media/video_reader.h"

namespace reel::media {

/// Turned as its EXIF orientation says; transparency is dropped.
/// Throws: std::runtime_error "[path] ..." if it is damaged or too large.
std::unique_ptr<VideoReader> open_picture(const std::string& path);

/// Whether this build can read pictures at all.
bool can_read_pictures();

/// The same picture with its transparency: uint8 [H, W, 4], straight alpha; 255 where the file has none.
/// Throws: std::runtime_error "[path] ..." if it is absent, damaged, too large, or not 8 bits a channel.
at::Tensor read_rgba(const std::string& path);

}  // namespace reel::media
