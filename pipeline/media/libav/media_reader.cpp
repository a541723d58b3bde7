// Tells pictures from videos, and reads ranges of a video's frames.
#include "pipeline/media/libav/media_reader.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <fstream>
#include <memory>
#include <stdexcept>

#include "pipeline/media/frame_buffer.h"
#include "pipeline/media/frame_range.h"
#include "pipeline/media/libav/colour_convert.h"
#include "pipeline/media/libav/decoder.h"
#include "pipeline/media/pictures/picture_file.h"
#include "pipeline/media/pictures/picture_reader.h"

namespace reel::media {
namespace {

/// Decodes from the beginning, since seeking is exact in few formats, but goes on where the last call ended.
class MediaReader final : public VideoReader {
 public:
  explicit MediaReader(const std::string& path) : path_(path) {
    restart();
    const AVFrame* first = peek();
    if (!first) throw std::runtime_error("[" + path_ + "] has no frames in it; choose another file");
    height_ = first->height, width_ = first->width;
    count_ = decoder_->listed_frames();
    turns_ = decoder_->quarter_turns();
  }

  VideoInfo info() override {
    if (count_ == 0) {
      while (peek()) drop();
      count_ = position_;
    }
    const bool upright = turns_ % 2 == 0;
    return {count_,          upright ? height_ : width_, upright ? width_ : height_,
            decoder_->fps(), decoder_->container(),      decoder_->codec()};
  }

  Frames read(int64_t begin, int64_t end) override {
    frame_range(path_, begin, end, begin);
    if (begin < position_) restart();
    while (position_ < begin && peek()) drop();
    FrameBuffer buffer(height_, width_, (end < 0 ? count_ : end) - begin);
    for (; (end < 0 || position_ < end) && peek(); drop()) converted(*peek(), buffer.next());
    at::Tensor pixels = buffer.take();
    if (turns_ > 0) pixels = pixels.rot90(turns_, {1, 2}).contiguous();
    return {pixels, decoder_->fps()};
  }

  std::map<std::string, std::string> metadata() override { return decoder_->metadata(); }

 private:
  void restart() {
    decoder_ = std::make_unique<Decoder>(path_);
    pending_ = nullptr;
    position_ = 0;
  }
  // The frame at position_; nullptr behind the last.
  const AVFrame* peek() {
    if (!pending_) pending_ = decoder_->next();
    return pending_;
  }
  void drop() {
    pending_ = nullptr;
    ++position_;
  }
  void converted(const AVFrame& frame, const at::Tensor& pixels) {
    if (frame.height != height_ || frame.width != width_) {
      throw std::runtime_error(c10::str("[", path_, "] must keep its size, got ", frame.width, "x",
                                        frame.height, " at frame ", position_, " after ", width_, "x",
                                        height_, "; convert it with ffmpeg -vf scale"));
    }
    try {
      converter_.convert(frame, pixels);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("[" + path_ + "] cannot be read: " + error.what() + "; convert it to .mp4");
    }
  }

  std::string path_;
  std::unique_ptr<Decoder> decoder_;
  ToRgb converter_;
  const AVFrame* pending_ = nullptr;                           // of decoder_
  int64_t position_ = 0, count_ = 0, height_ = 0, width_ = 0;  // count_: 0 until known
  int turns_ = 0;
};

}  // namespace

std::unique_ptr<VideoReader> open_media(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string start(16, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  if (is_picture(start)) return open_picture(path);
  return std::make_unique<MediaReader>(path);
}

}  // namespace reel::media
