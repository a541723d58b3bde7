#include "pipeline/media/picture_reader.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>

#include "pipeline/media/frame_range.h"
#include "pipeline/media/picture_file.h"

namespace reel::media {
namespace {

constexpr uintmax_t kMostBytes = uintmax_t{1} << 30;

class PictureReader final : public VideoReader {
 public:
  explicit PictureReader(const std::string& path) : path_(path) {
    if (std::filesystem::file_size(path) > kMostBytes) {
      throw std::runtime_error("[" + path +
                               "] must be a picture file of at most 1 GiB; compress or scale it down");
    }
    std::ifstream stream(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    file_ = inspect_picture(path, bytes);
    check_size(path, file_.width, file_.height);
    decode(bytes);
  }

  VideoInfo info() override { return {1, pixels_.size(1), pixels_.size(2), 1, file_.format, file_.format}; }

  Frames read(int64_t begin, int64_t end) override {
    const FrameRange range = frame_range(path_, begin, end, 1);
    return {pixels_.slice(0, range.begin, range.end).clone(), 1};
  }

  std::map<std::string, std::string> metadata() override { return file_.text; }

 private:
  void decode(const std::string& bytes) {
    cv::Mat bgr;
    std::string reason;
    try {
      const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8UC1,
                        const_cast<char*>(bytes.data()));  // only read
      bgr = cv::imdecode(raw, cv::IMREAD_COLOR);
    } catch (const cv::Exception& error) {
      reason = " (" + error.err + ")";
    }
    if (bgr.empty()) {
      throw std::runtime_error("[" + path_ + "] is a damaged " + file_.format + reason +
                               "; copy or make it again");
    }
    pixels_ = at::from_blob(bgr.data, {1, bgr.rows, bgr.cols, 3},
                            {0, static_cast<int64_t>(bgr.step[0]), 3, 1}, at::kByte)
                  .flip({3})
                  .contiguous();
  }

  std::string path_;
  PictureFile file_;
  at::Tensor pixels_;
};

}  // namespace

std::unique_ptr<VideoReader> open_picture(const std::string& path) {
  return std::make_unique<PictureReader>(path);
}

}  // namespace reel::media
