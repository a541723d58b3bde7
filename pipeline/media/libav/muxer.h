// One video stream, encoded by FFmpeg into a file that gets its name only when complete.
#pragma once

#include <exception>

#include "models/files/part_file.h"
#include "pipeline/media/libav/libav.h"
#include "pipeline/media/output_plan.h"

namespace reel::media {

class Muxer {
 public:
  explicit Muxer(const OutputPlan& plan);

  ~Muxer();
  Muxer(const Muxer&) = delete;
  Muxer& operator=(const Muxer&) = delete;

  /// Opens encoder and container; once, before the first frame.
  /// Throws: std::runtime_error "[path] ..." with the encoder's words if it refuses the size.
  void open(int64_t height, int64_t width, AVPixelFormat format);
  /// Encodes the next frame; its pts is set here. Throws: std::runtime_error.
  void send(AVFrame& frame);
  /// Ends encoder and container and names the file. Throws: std::runtime_error.
  void finish();

 private:
  void open_encoder(int64_t height, int64_t width, AVPixelFormat format);
  void open_container();
  void drain();
  int check(int result, const char* doing, const LogCapture& log);
  template <class Byte>
  static int write_bytes(void* self, Byte* bytes, int count);
  static int64_t seek(void* self, int64_t offset, int whence);

  OutputPlan plan_;
  models::PartFile file_;
  std::exception_ptr io_failure_;  // libav's C code cannot carry an exception: kept here, thrown by check()
  IoPtr io_;
  OutputPtr output_;
  CodecPtr codec_;
  PacketPtr packet_;
  int64_t next_pts_ = 0;
  bool in_container_ = false;  // its header is written, its trailer is not
};

}  // namespace reel::media
