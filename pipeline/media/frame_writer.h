// The base of all writers: checks frames and the order of calls.
#pragma once

#include <string>

#include "pipeline/media/video_writer.h"

namespace reel::media {

class FrameWriter : public VideoWriter {
 public:
  explicit FrameWriter(std::string path) : path_(std::move(path)) {}
  /// Throws: std::invalid_argument if the frame is not uint8 [H, W, 3] on the CPU or differs in size from the
  /// first, and after finish() or a failed call.
  void write(const at::Tensor& frame) final;
  void finish() final;
  std::string path() const final { return path_; }

 protected:
  virtual void add(const at::Tensor& frame) = 0;  // contiguous, [height(), width(), 3]
  virtual void close() = 0;                       // at least one frame was added
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  int64_t count() const { return count_; }  // frames before the current one

 private:
  enum class State { kOpen, kFailed, kFinished };
  void require_open() const;

  std::string path_;
  State state_ = State::kOpen;
  int64_t height_ = 0, width_ = 0, count_ = 0;
};

}  // namespace reel::media
