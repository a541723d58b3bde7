// Writes frames to a file whose name tells the format; the file appears under its name only when complete.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "models/files/part_file.h"
#include "pipeline/media/frames.h"

namespace reel::media {

struct WriteOptions {
  double fps = 8;          // 0.001 to 1000; at most 50 for .gif
  int crf = -1;            // constant quality, 0 (best) to 51 (H.264) or 63 (VP9); -1: codec's default
  std::string codec = {};  // h264, hevc (or h265), vp9, av1; empty: by extension
  /// Container tags (mp4, webm) or PNG text chunks: `prompt`, `workflow`, `reel`. .gif and .y4m have no place
  /// for them.
  std::map<std::string, std::string> metadata = {};
  bool overwrite = false;                   // false: refuse a name that exists
  int64_t frames = -1;                      // how many will come, if known: a .png without %d takes one only
  models::BeforeNaming before_naming = {};  // see models/files/part_file.h
};

/// One output: .mp4 (H.264, yuv420p, faststart), .webm (VP9), .gif, .y4m, or numbered .png (a pattern with
/// %d, as in frame_%05d.png). Frames go to a temporary file beside the target, which finish() renames;
/// without finish() the temporary is removed, so a failed or killed run leaves nothing under the final name.
/// The same frames and options give the same bytes on the same machine.
class VideoWriter {
 public:
  /// Throws: std::invalid_argument for an unknown extension or codec (names the nearest legal one);
  /// std::runtime_error if the target exists, or its folder does not or cannot be written.
  static std::unique_ptr<VideoWriter> create(const std::string& path, const WriteOptions& options);
  virtual ~VideoWriter() = default;
  /// frame: uint8 [H, W, 3] RGB, CPU; all frames of one size. Odd sizes are padded by repeating the last row
  /// or column if the format needs even ones (yuv420p).
  virtual void write(const at::Tensor& frame) = 0;
  /// Flushes, closes, and gives the file its name. Throws: std::runtime_error (full disk, ...).
  virtual void finish() = 0;
  /// The path of the result: for patterns, the pattern.
  virtual std::string path() const = 0;
};

/// Writes all frames at options.fps; `progress(done, all)` may throw to cancel.
void write_video(const std::string& path, const Frames& frames, const WriteOptions& options,
                 const std::function<void(int64_t, int64_t)>& progress = {});

/// Throws as VideoWriter::create does, and leaves nothing behind: a check before hours of work.
void check_output(const std::string& path, const WriteOptions& options);

/// What this build can write: extension without its dot -> codec name in use, {"mp4", "h264"}.
std::map<std::string, std::string> output_formats();

}  // namespace reel::media
