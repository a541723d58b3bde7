// A picture as a video of one frame, and pictures with their transparency.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "pipeline/media/video_reader.h"

namespace reel::media {

/// Opens a picture, turned as its EXIF orientation says, without its transparency.
/// Throws: std::runtime_error "[path] ..." if it is damaged or too large.
std::unique_ptr<VideoReader> open_picture(const std::string& path);

/// True if this build can read pictures.
bool can_read_pictures();

/// The same picture with its transparency: uint8 [H, W, 4], straight alpha; 255 if the file has none.
/// Throws: std::runtime_error "[path] ..." if it is absent, damaged, too large, or not 8 bits a channel.
at::Tensor read_rgba(const std::string& path);

}  // namespace reel::media
