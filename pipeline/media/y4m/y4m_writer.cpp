#include "pipeline/media/y4m/y4m_writer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/files/part_file.h"
#include "pipeline/media/frame_writer.h"

namespace reel::media {
namespace {

uint8_t to_byte(double value) { return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L)); }

class Y4mWriter final : public FrameWriter {
 public:
  explicit Y4mWriter(const OutputPlan& plan)
      : FrameWriter(plan.path), plan_(plan), rate_(plan.rate), file_(plan.path, plan.overwrite) {}

 private:
  void add(const at::Tensor& frame) override {
    if (count() == 0) {
      const std::string header = c10::str("YUV4MPEG2 W", width(), " H", height(), " F", rate_.numerator, ":",
                                          rate_.denominator, " Ip A1:1 C444 XYSCSS=444 XCOLORRANGE=FULL\n");
      file_.write(header.data(), header.size());
    }
    const auto pixels = static_cast<size_t>(height() * width());
    const std::string mark = "FRAME\n";
    planes_.resize(mark.size() + 3 * pixels);
    std::copy(mark.begin(), mark.end(), planes_.begin());
    uint8_t* luma = planes_.data() + mark.size();
    uint8_t *blue = luma + pixels, *red = blue + pixels;
    const uint8_t* rgb = frame.const_data_ptr<uint8_t>();
    for (size_t i = 0; i < pixels; ++i, rgb += 3) {
      // JFIF 1.02, "Conversion to and from RGB".
      const double y = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
      luma[i] = to_byte(y);
      blue[i] = to_byte((rgb[2] - y) / 1.772 + 128);
      red[i] = to_byte((rgb[0] - y) / 1.402 + 128);
    }
    file_.write(planes_.data(), planes_.size());
  }
  void close() override { file_.commit(plan_.before_naming); }

  OutputPlan plan_;
  FrameRate rate_;
  models::PartFile file_;
  std::vector<uint8_t> planes_;
};

}  // namespace

std::unique_ptr<VideoWriter> make_y4m_writer(const OutputPlan& plan) {
  return std::make_unique<Y4mWriter>(plan);
}

}  // namespace reel::media
