// Opens a picture or a video, whichever the file is.
#pragma once

#include <memory>
#include <string>

#include "pipeline/media/video_reader.h"

namespace reel::media {

/// Opens a picture (PNG, JPEG, WebP) or a video in any container of the list in decoder.cpp; the first bytes
/// of the file decide. Throws: std::runtime_error "[path] ..." if it is neither, or damaged.
std::unique_ptr<VideoReader> open_media(const std::string& path);

}  // namespace reel::media
