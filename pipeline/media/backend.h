// What needs FFmpeg or OpenCV. A build without them links no_media.cpp, which has none of it.
#pragma once

#include <memory>
#include <string>

#include "pipeline/media/output_plan.h"
#include "pipeline/media/video_reader.h"
#include "pipeline/media/video_writer.h"

namespace reel::media {

/// True if this build and the libraries that it runs with can write that codec (FFmpeg's name, or `png`).
bool can_encode(const std::string& codec);

std::unique_ptr<VideoWriter> make_libav_writer(const OutputPlan& plan);  // mp4, webm
std::unique_ptr<VideoWriter> make_gif_writer(const OutputPlan& plan);
std::unique_ptr<VideoWriter> make_png_writer(const OutputPlan& plan);

/// A picture (PNG, JPEG, WebP) or a video in any container of the list in libav_reader.cpp, told by its first
/// bytes.
std::unique_ptr<VideoReader> open_media(const std::string& path);

}  // namespace reel::media
