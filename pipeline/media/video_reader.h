// Reads frames and recipes from videos and pictures.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "pipeline/media/frames.h"

namespace reel::media {

struct VideoInfo {
  /// As the container counts them or, if it does not say, by decoding.
  int64_t frames = 0;
  int64_t height = 0, width = 0;
  double fps = 0;
  std::string format, codec;
};

/// A video, GIF, y4m file or picture (one frame). Files are hostile input: sizes are checked before decoding
/// (a frame of at most 2^28 pixels).
class VideoReader {
 public:
  /// Throws: std::runtime_error "[path] ..." if it is missing, not a video, or damaged.
  static std::unique_ptr<VideoReader> open(const std::string& path);
  virtual ~VideoReader() = default;
  /// Both decode; damage behind the first frame shows here. Throws: std::runtime_error "[path] ...".
  virtual VideoInfo info() = 0;
  /// Frames [begin, end) as uint8 [end - begin, H, W, 3]; end beyond the last frame is cut, end < 0 means
  /// all.
  virtual Frames read(int64_t begin = 0, int64_t end = -1) = 0;
  /// Container tags (mp4, webm) or PNG text chunks.
  virtual std::map<std::string, std::string> metadata() = 0;
};

}  // namespace reel::media
