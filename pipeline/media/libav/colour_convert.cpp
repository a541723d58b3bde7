#include "pipeline/media/libav/colour_convert.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cstring>
#include <stdexcept>

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

namespace reel::media {
namespace {

// Exact rounding and full chroma resolution; the default of swscale is fast and up to 10 steps off.
constexpr int kExact =
    SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;

FramePtr make_frame(AVPixelFormat format, int width, int height) {
  FramePtr frame(require_memory(av_frame_alloc()));
  frame->format = format;
  frame->width = width;
  frame->height = height;
  if (av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
  return frame;
}

struct Side {
  AVPixelFormat format;
  bool full_range;
  int siting = AVCHROMA_LOC_UNSPECIFIED;  // for formats with subsampled chroma
};

void set_siting(SwsContext* scaler, const std::string& prefix, const Side& side) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(side.format);
  if (format->log2_chroma_w == 0 && format->log2_chroma_h == 0) return;
  // In 1/256 of the chroma grid: MPEG-2, H.264 and H.265 put chroma left, JPEG and MPEG-1 in the centre.
  const bool centre = side.siting == AVCHROMA_LOC_CENTER;
  const bool top = side.siting == AVCHROMA_LOC_TOPLEFT || side.siting == AVCHROMA_LOC_TOP;
  if (format->log2_chroma_w == 1)
    av_opt_set_int(scaler, (prefix + "_h_chr_pos").c_str(), centre ? 128 : 0, 0);
  if (format->log2_chroma_h == 1) av_opt_set_int(scaler, (prefix + "_v_chr_pos").c_str(), top ? 0 : 128, 0);
}

ScalerPtr make_scaler(int width, int height, const Side& source, const Side& target, int matrix) {
  ScalerPtr scaler(require_memory(sws_alloc_context()));
  for (const char* name : {"srcw", "dstw"}) av_opt_set_int(scaler.get(), name, width, 0);
  for (const char* name : {"srch", "dsth"}) av_opt_set_int(scaler.get(), name, height, 0);
  av_opt_set_int(scaler.get(), "src_format", source.format, 0);
  av_opt_set_int(scaler.get(), "dst_format", target.format, 0);
  av_opt_set_int(scaler.get(), "sws_flags", kExact, 0);
  set_siting(scaler.get(), "src", source);
  set_siting(scaler.get(), "dst", target);
  const int* coefficients = sws_getCoefficients(matrix);
  const int one = 1 << 16;  // contrast and saturation are 16.16 fixed point
  // An error here only says that neither side is YUV.
  sws_setColorspaceDetails(scaler.get(), coefficients, source.full_range, coefficients, target.full_range, 0,
                           one, one);
  if (sws_init_context(scaler.get(), nullptr, nullptr) < 0)
    throw std::runtime_error("its pixel format cannot be converted to RGB");
  return scaler;
}

}  // namespace

ToYuv420::ToYuv420(int64_t height, int64_t width) : height_(height), width_(width) {
  const int even_width = static_cast<int>(width + width % 2),
            even_height = static_cast<int>(height + height % 2);
  source_ = make_frame(AV_PIX_FMT_RGB24, even_width, even_height);
  target_ = make_frame(AV_PIX_FMT_YUV420P, even_width, even_height);
  target_->color_range = AVCOL_RANGE_MPEG;
  target_->colorspace = AVCOL_SPC_BT709;
  target_->color_primaries = AVCOL_PRI_BT709;
  target_->color_trc = AVCOL_TRC_BT709;
  target_->chroma_location = AVCHROMA_LOC_LEFT;
  scaler_ = make_scaler(even_width, even_height, {AV_PIX_FMT_RGB24, true},
                        {AV_PIX_FMT_YUV420P, false, AVCHROMA_LOC_LEFT}, SWS_CS_ITU709);
}

AVFrame& ToYuv420::convert(const at::Tensor& rgb) {
  const uint8_t* pixels = rgb.const_data_ptr<uint8_t>();
  const auto row_bytes = static_cast<size_t>(3 * width_);
  for (int row = 0; row < source_->height; ++row) {
    const uint8_t* from = pixels + std::min<int64_t>(row, height_ - 1) * 3 * width_;
    uint8_t* to = source_->data[0] + static_cast<ptrdiff_t>(row) * source_->linesize[0];
    std::memcpy(to, from, row_bytes);
    if (source_->width > width_) std::memcpy(to + row_bytes, from + row_bytes - 3, 3);
  }
  if (av_frame_make_writable(target_.get()) < 0)
    throw std::bad_alloc();  // the encoder may still hold the last one
  sws_scale(scaler_.get(), source_->data, source_->linesize, 0, source_->height, target_->data,
            target_->linesize);
  return *target_;
}

void ToRgb::prepare(const AVFrame& frame) {
  if (scaler_ && width_ == frame.width && height_ == frame.height && format_ == frame.format &&
      matrix_ == frame.colorspace && range_ == frame.color_range && siting_ == frame.chroma_location) {
    return;
  }
  width_ = frame.width, height_ = frame.height, format_ = frame.format;
  matrix_ = frame.colorspace, range_ = frame.color_range, siting_ = frame.chroma_location;
  const bool full_range = frame.color_range == AVCOL_RANGE_JPEG || frame.format == AV_PIX_FMT_YUVJ420P ||
                          frame.format == AV_PIX_FMT_YUVJ422P || frame.format == AV_PIX_FMT_YUVJ444P;
  const int matrix = frame.colorspace == AVCOL_SPC_UNSPECIFIED || frame.colorspace == AVCOL_SPC_RGB
                         ? SWS_CS_ITU601
                         : static_cast<int>(frame.colorspace);  // swscale numbers them as H.264 does
  scaler_ = make_scaler(width_, height_, {static_cast<AVPixelFormat>(format_), full_range, siting_},
                        {AV_PIX_FMT_RGB24, true}, matrix);
  target_ = make_frame(AV_PIX_FMT_RGB24, width_, height_);
}

void ToRgb::convert(const AVFrame& frame, const at::Tensor& rgb) {
  prepare(frame);
  // By way of a frame of our own, since swscale may write behind the end of a row.
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, height_, target_->data, target_->linesize);
  av_image_copy_plane(rgb.mutable_data_ptr<uint8_t>(), 3 * width_, target_->data[0], target_->linesize[0],
                      3 * width_, height_);
}

}  // namespace reel::media
