#include "pipeline/media/y4m/y4m_reader.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "pipeline/media/frame_range.h"
#include "pipeline/media/frame_rate.h"

namespace reel::media {
namespace {

constexpr size_t kLongestLine = 4096;  // of a header; real ones have less than 200 bytes

struct Chroma {
  const char* name;
  int64_t across, down;  // luma samples for each chroma sample; 0: no chroma
};
constexpr Chroma kChromas[] = {{"420jpeg", 2, 2}, {"420mpeg2", 2, 2}, {"420paldv", 2, 2}, {"420", 2, 2},
                               {"422", 2, 1},     {"444", 1, 1},      {"mono", 0, 0}};

class Y4mReader final : public VideoReader {
 public:
  Y4mReader(const std::string& path, int64_t most_frames) : path_(path), file_(path, std::ios::binary) {
    if (!file_) throw std::runtime_error("[" + path_ + "] cannot be opened; check its name and rights");
    std::string header;
    if (next_line(header)) parse_header(header);
    index_frames(most_frames);
  }

  VideoInfo info() override {
    return {static_cast<int64_t>(offsets_.size()), height_, width_, rate_.value(), "y4m", "rawvideo"};
  }

  Frames read(int64_t begin, int64_t end) override {
    const auto range = frame_range(path_, begin, end, static_cast<int64_t>(offsets_.size()));
    at::Tensor pixels = at::empty({range.end - range.begin, height_, width_, 3}, at::kByte);
    for (int64_t i = range.begin; i < range.end; ++i)
      decode(i, pixels[i - range.begin].mutable_data_ptr<uint8_t>());
    return {pixels, rate_.value()};
  }

  std::map<std::string, std::string> metadata() override { return {}; }

 private:
  [[noreturn]] void refuse(const std::string& fact) const {
    throw std::runtime_error("[" + path_ + "] must be a y4m file with 8-bit frames, " + fact +
                             "; convert it with ffmpeg -pix_fmt yuv444p");
  }

  // False at the regular end of the file.
  bool next_line(std::string& text) {
    text.clear();
    for (char c = 0; text.size() < kLongestLine && file_.get(c);) {
      if (c == '\n') return true;
      text += c;
    }
    if (text.empty()) return false;
    refuse(text.size() < kLongestLine ? "it ends inside a header" : "a header line has no end");
  }

  void parse_header(const std::string& header) {
    chroma_ = kChromas[3];
    for (size_t begin = header.find(' '); begin != std::string::npos;) {
      const size_t end = header.find(' ', ++begin);
      const std::string term = header.substr(begin, end == std::string::npos ? end : end - begin);
      begin = end;
      if (term.empty()) continue;
      const std::string value = term.substr(1);
      if (term[0] == 'W') width_ = number(value);
      if (term[0] == 'H') height_ = number(value);
      if (term[0] == 'F') parse_rate(value);
      if (term[0] == 'C') parse_chroma(value);
      if (term == "XCOLORRANGE=FULL") full_range_ = true;
    }
    check_size(path_, width_, height_);
    const auto parts = [](int64_t size, int64_t step) { return step == 0 ? 0 : (size + step - 1) / step; };
    chroma_width_ = parts(width_, chroma_.across), chroma_height_ = parts(height_, chroma_.down);
    frame_bytes_ = width_ * height_ + 2 * chroma_width_ * chroma_height_;
  }

  int64_t number(const std::string& text) const {
    int64_t value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || end.ec != std::errc() || end.ptr != text.data() + text.size() || value < 0 ||
        value > 1'000'000'000)
      refuse("its header has '" + text + "' where a number belongs");
    return value;
  }

  void parse_rate(const std::string& text) {
    const size_t colon = text.find(':');
    if (colon == std::string::npos) refuse("its frame rate is '" + text + "'");
    const FrameRate rate{number(text.substr(0, colon)), number(text.substr(colon + 1))};
    if (rate.numerator > 0 && rate.denominator > 0) rate_ = rate;  // 0:0 means unknown
  }

  void parse_chroma(const std::string& name) {
    for (const Chroma& known : kChromas) {
      if (name == known.name) {
        chroma_ = known;
        return;
      }
    }
    refuse("its pixels are C" + name);
  }

  // A frame's header may have any length, so that the places of frames are found by walking over all of them.
  void index_frames(int64_t most_frames) {
    const auto size = static_cast<int64_t>(std::filesystem::file_size(path_));
    for (std::string header; static_cast<int64_t>(offsets_.size()) < most_frames && next_line(header);) {
      if (header.compare(0, 5, "FRAME") != 0)
        refuse("frame " + std::to_string(offsets_.size()) + " has no FRAME mark");
      offsets_.push_back(file_.tellg());
      if (size - offsets_.back() < frame_bytes_) {
        throw std::runtime_error(c10::str("[", path_, "] is damaged: it ends inside frame ",
                                          offsets_.size() - 1, "; copy or make it again"));
      }
      file_.seekg(frame_bytes_, std::ios::cur);
    }
    if (offsets_.empty()) refuse("it has no frames");
  }

  void decode(int64_t frame, uint8_t* rgb) {
    bytes_.resize(static_cast<size_t>(frame_bytes_));
    file_.clear();
    file_.seekg(offsets_[static_cast<size_t>(frame)]);
    if (!file_.read(bytes_.data(), frame_bytes_)) {
      throw std::runtime_error(c10::str("[", path_, "] frame ", frame, " cannot be read; check the disk"));
    }
    const auto* luma = reinterpret_cast<const uint8_t*>(bytes_.data());
    const uint8_t* blue = luma + width_ * height_;
    const uint8_t* red = blue + chroma_width_ * chroma_height_;
    // BT.601, 2.5.1 and 2.5.2; full range is JFIF's.
    const double luma_scale = full_range_ ? 1 : 255.0 / 219, chroma_scale = full_range_ ? 1 : 255.0 / 224;
    const int black = full_range_ ? 0 : 16;
    const auto to_byte = [](double value) {
      return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
    };
    for (int64_t row = 0; row < height_; ++row) {
      for (int64_t column = 0; column < width_; ++column, rgb += 3) {
        const double y = luma_scale * (luma[row * width_ + column] - black);
        double b = 0, r = 0;
        if (chroma_.across > 0) {
          const int64_t at = row / chroma_.down * chroma_width_ + column / chroma_.across;
          b = chroma_scale * (blue[at] - 128), r = chroma_scale * (red[at] - 128);
        }
        rgb[0] = to_byte(y + 1.402 * r);
        rgb[1] = to_byte(y - (0.114 * 1.772 * b + 0.299 * 1.402 * r) / 0.587);
        rgb[2] = to_byte(y + 1.772 * b);
      }
    }
  }

  std::string path_;
  std::ifstream file_;
  int64_t width_ = 0, height_ = 0, chroma_width_ = 0, chroma_height_ = 0, frame_bytes_ = 0;
  FrameRate rate_{25, 1};  // the usual guess where the header does not say
  Chroma chroma_{};
  bool full_range_ = false;
  std::vector<int64_t> offsets_;
  std::vector<char> bytes_;
};

}  // namespace

std::unique_ptr<VideoReader> open_y4m(const std::string& path, int64_t most_frames) {
  return std::make_unique<Y4mReader>(path, most_frames);
}

}  // namespace reel::media
