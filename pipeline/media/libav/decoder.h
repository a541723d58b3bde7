// The frames of one video stream in display order, decoded by FFmpeg from a file that is not trusted.
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "pipeline/media/libav/libav.h"

namespace reel::media {

class Decoder {
 public:
  /// Throws: std::runtime_error "[path] ..." if the file is damaged, or no video in a container that is read
  /// here.
  explicit Decoder(const std::string& path);

  /// The next frame, valid until the next call; nullptr at the end. Throws: std::runtime_error if it is
  /// damaged.
  const AVFrame* next();

  std::string container() const;  // mp4, webm, matroska, gif, avi, ...
  std::string codec() const;
  /// Frames that the container lists; 0 if it does not.
  int64_t listed_frames() const;
  double fps() const;
  /// Counter-clockwise quarter turns, 0 to 3, that turn frames upright (phones store videos lying down).
  int quarter_turns() const;
  /// Tags of the container; those of Matroska, which stores capitals, in lower case again.
  std::map<std::string, std::string> metadata() const;

 private:
  void open_container();
  void open_decoder();
  void check_whole();
  bool feed();
  [[noreturn]] void damaged(int error, const LogCapture& log) const;
  static int read_bytes(void* self, uint8_t* bytes, int count);
  static int64_t seek(void* self, int64_t offset, int whence);

  struct CloseFile {
    void operator()(FILE* file) const { fclose(file); }
  };
  std::string path_, document_type_;
  std::unique_ptr<FILE, CloseFile> file_;
  int64_t size_ = 0;
  IoPtr io_;
  InputPtr input_;
  AVStream* stream_ = nullptr;  // of input_
  CodecPtr codec_;
  PacketPtr packet_;
  FramePtr frame_;
  bool ended_ = false;  // no packets are left to feed
  int64_t decoded_ = 0;
};

}  // namespace reel::media
