#include "pipeline/media/libav/muxer.h"

#include <c10/util/StringUtil.h>

#include <filesystem>
#include <limits>
#include <stdexcept>

#include "pipeline/media/libav/encoders.h"

namespace reel::media {
namespace {

constexpr int kThreads = 2;  // see encoders.cpp

}  // namespace

Muxer::Muxer(const OutputPlan& plan) : plan_(plan), file_(plan.path, plan.overwrite) {}

int Muxer::check(int result, const char* doing, const LogCapture& log) {
  if (io_failure_) std::rethrow_exception(std::exchange(io_failure_, nullptr));
  if (result >= 0) return result;
  throw std::runtime_error(c10::str("[", plan_.path, "] ", doing, " as ", plan_.codec, " failed: ",
                                    libav_reason(result, log), "; try another size, codec or file type"));
}

// A template, since FFmpeg 7 made the bytes const.
template <class Byte>
int Muxer::write_bytes(void* self, Byte* bytes, int count) {
  auto& muxer = *static_cast<Muxer*>(self);
  try {
    muxer.file_.write(bytes, static_cast<size_t>(count));
    return count;
  } catch (...) {
    if (!muxer.io_failure_) muxer.io_failure_ = std::current_exception();
    return AVERROR(EIO);
  }
}

int64_t Muxer::seek(void* self, int64_t offset, int whence) {
  auto& muxer = *static_cast<Muxer*>(self);
  try {
    return whence == AVSEEK_SIZE ? muxer.file_.size() : muxer.file_.seek(offset, whence & ~AVSEEK_FORCE);
  } catch (...) {
    if (!muxer.io_failure_) muxer.io_failure_ = std::current_exception();
    return AVERROR(EIO);
  }
}

void Muxer::open(int64_t height, int64_t width, AVPixelFormat format) {
  open_encoder(height, width, format);
  open_container();
}

void Muxer::open_encoder(int64_t height, int64_t width, AVPixelFormat format) {
  LogCapture log;
  if (height > std::numeric_limits<int>::max() || width > std::numeric_limits<int>::max())
    check(AVERROR(EINVAL), "opening", log);
  const Encoder& encoder = *find_encoder(plan_.codec);  // the plan was made with it
  codec_.reset(require_memory(avcodec_alloc_context3(avcodec_find_encoder_by_name(encoder.name.c_str()))));
  codec_->width = static_cast<int>(width);
  codec_->height = static_cast<int>(height);
  codec_->pix_fmt = format;
  codec_->framerate = {static_cast<int>(plan_.rate.numerator), static_cast<int>(plan_.rate.denominator)};
  codec_->time_base = av_inv_q(codec_->framerate);
  codec_->sample_aspect_ratio = {1, 1};
  codec_->thread_count = kThreads;
  codec_->flags |= AV_CODEC_FLAG_BITEXACT;
  if (format == AV_PIX_FMT_YUV420P) {  // as colour_convert.cpp computes it
    codec_->color_range = AVCOL_RANGE_MPEG;
    codec_->colorspace = AVCOL_SPC_BT709;
    codec_->color_primaries = AVCOL_PRI_BT709;
    codec_->color_trc = AVCOL_TRC_BT709;
    codec_->chroma_sample_location = AVCHROMA_LOC_LEFT;
  }
  if (plan_.codec == "hevc") codec_->codec_tag = MKTAG('h', 'v', 'c', '1');  // the only tag that Apple plays
  Dictionary options;
  for (const auto& [key, value] : encoder.options) options.set(key, value);
  if (plan_.crf >= 0) {
    options.set("crf", std::to_string(plan_.crf));
    codec_->bit_rate = 0;  // or VP9 and AV1 would take crf for a mere limit
  }
  output_.reset([&] {
    AVFormatContext* output = nullptr;
    // The second pass of +faststart opens the file by this name; "file:" keeps libav from reading a protocol
    // into it.
    check(avformat_alloc_output_context2(&output, nullptr, plan_.container.c_str(),
                                         ("file:" + file_.part_path()).c_str()),
          "opening", log);
    return output;
  }());
  if (output_->oformat->flags & AVFMT_GLOBALHEADER) codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  check(avcodec_open2(codec_.get(), nullptr, options.get()), "encoding", log);
}

void Muxer::open_container() {
  LogCapture log;
  auto* buffer = static_cast<unsigned char*>(require_memory(av_malloc(kIoBufferBytes)));
  io_.reset(require_memory(
      avio_alloc_context(buffer, kIoBufferBytes, 1, this, nullptr, &Muxer::write_bytes, &Muxer::seek)));
  output_->pb = io_.get();
  output_->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;  // bit-exact: no version, no date
  AVStream* stream = require_memory(avformat_new_stream(output_.get(), nullptr));
  check(avcodec_parameters_from_context(stream->codecpar, codec_.get()), "opening", log);
  stream->time_base = codec_->time_base;
  stream->avg_frame_rate = stream->r_frame_rate = codec_->framerate;
  stream->sample_aspect_ratio = codec_->sample_aspect_ratio;
  stream->disposition = AV_DISPOSITION_DEFAULT;
  Dictionary options;
  if (plan_.container == "mp4") options.set("movflags", "+faststart+use_metadata_tags");
  if (plan_.container == "webm") options.set("cues_to_front", "1");
  if (plan_.container == "gif") options.set("loop", "0");  // for ever
  for (const auto& [key, value] : plan_.metadata) {
    check(av_dict_set(&output_->metadata, key.c_str(), value.c_str(), 0), "tagging", log);
  }
  check(avformat_write_header(output_.get(), options.get()), "writing", log);
  in_container_ = true;
  packet_.reset(require_memory(av_packet_alloc()));
}

Muxer::~Muxer() {
  // Libav frees what some containers hold back (GIF: the last frame) in the trailer only; the file itself
  // goes.
  if (!in_container_) return;
  const LogCapture log;
  av_write_trailer(output_.get());
}

void Muxer::drain() {
  LogCapture log;
  for (;;) {
    const int result = avcodec_receive_packet(codec_.get(), packet_.get());
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
    check(result, "encoding", log);
    AVStream* stream = output_->streams[0];
    // x265 subtracts a delay from decoding times that it learns with the third frame; until then it is what
    // memory held. One or two frames are not reordered: they are decoded when they are shown.
    constexpr int64_t kMostReordered = 64;
    if (packet_->dts > packet_->pts || packet_->dts < packet_->pts - kMostReordered)
      packet_->dts = packet_->pts;
    packet_->stream_index = 0;
    packet_->duration =
        1;  // one frame; the encoders leave it out, and then the last frame would last no time
    av_packet_rescale_ts(packet_.get(), codec_->time_base, stream->time_base);
    check(av_interleaved_write_frame(output_.get(), packet_.get()), "writing", log);
  }
}

void Muxer::send(AVFrame& frame) {
  LogCapture log;
  frame.pts = next_pts_++;
  check(avcodec_send_frame(codec_.get(), &frame), "encoding", log);
  drain();
}

void Muxer::finish() {
  LogCapture log;
  check(avcodec_send_frame(codec_.get(), nullptr), "encoding", log);
  drain();
  in_container_ = false;
  check(av_write_trailer(output_.get()), "writing", log);
  avio_flush(io_.get());
  check(io_->error, "writing", log);
  file_.commit(plan_.before_naming);
}

}  // namespace reel::media
