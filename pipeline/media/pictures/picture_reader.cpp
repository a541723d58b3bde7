#include "pipeline/media/pictures/picture_reader.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <opencv2/imgcodecs.hpp>
#include <stdexcept>

#include "models/files/input/input_file.h"
#include "pipeline/media/frame_range.h"
#include "pipeline/media/pictures/picture_file.h"
#include "pipeline/media/stills/read_picture.h"

namespace reel::media {
namespace {

constexpr uint64_t kMostPictureBytes = uint64_t{1} << 30;

/// A picture file whose bytes were checked, not yet decoded.
struct CheckedPicture {
  PictureFile file;
  std::string data;
};

CheckedPicture read_checked(const std::string& path) {
  CheckedPicture bytes{{}, models::read_input({.path = path, .most_bytes = kMostPictureBytes})};
  bytes.file = inspect_picture(path, bytes.data);
  check_size(path, bytes.file.width, bytes.file.height);
  return bytes;
}

cv::Mat decode(const std::string& path, const CheckedPicture& bytes, int flags) {
  cv::Mat picture;
  std::string reason;
  try {
    const cv::Mat raw(1, static_cast<int>(bytes.data.size()), CV_8UC1,
                      const_cast<char*>(bytes.data.data()));  // only read
    picture = cv::imdecode(raw, flags);
  } catch (const cv::Exception& error) {
    reason = " (" + error.err + ")";
  }
  if (picture.empty()) {
    throw std::runtime_error("[" + path + "] is a damaged " + bytes.file.format + reason +
                             "; copy or make it again");
  }
  return picture;
}

class PictureReader final : public VideoReader {
 public:
  explicit PictureReader(const std::string& path) : path_(path) {
    const CheckedPicture bytes = read_checked(path);
    file_ = bytes.file;
    pixels_ = decode_picture(path, bytes.data).unsqueeze(0);
  }

  VideoInfo info() override { return {1, pixels_.size(1), pixels_.size(2), 1, file_.format, file_.format}; }

  Frames read(int64_t begin, int64_t end) override {
    const FrameRange range = frame_range(path_, begin, end, 1);
    return {pixels_.slice(0, range.begin, range.end).clone(), 1};
  }

  std::map<std::string, std::string> metadata() override { return file_.text; }

 private:
  std::string path_;
  PictureFile file_;
  at::Tensor pixels_;
};

}  // namespace

std::unique_ptr<VideoReader> open_picture(const std::string& path) {
  return std::make_unique<PictureReader>(path);
}

bool can_read_pictures() { return true; }

at::Tensor read_rgba(const std::string& path) {
  const cv::Mat picture = decode(path, read_checked(path), cv::IMREAD_UNCHANGED);
  const int channels = picture.channels();
  if (picture.depth() != CV_8U || (channels != 1 && channels != 3 && channels != 4)) {
    throw std::runtime_error("[" + path +
                             "] must have 8 bits a channel, grey or colour; save it as an 8-bit PNG");
  }
  // OpenCV's order is blue, green, red, alpha.
  const at::Tensor raw = at::from_blob(picture.data, {picture.rows, picture.cols, channels},
                                       {static_cast<int64_t>(picture.step[0]), channels, 1}, at::kByte);
  at::Tensor rgba = at::full({picture.rows, picture.cols, 4}, 255, at::kByte);
  rgba.narrow(2, 0, 3).copy_(channels == 1 ? raw : raw.narrow(2, 0, 3).flip({2}));
  if (channels == 4) rgba.select(2, 3).copy_(raw.select(2, 3));
  return rgba;
}

}  // namespace reel::media
