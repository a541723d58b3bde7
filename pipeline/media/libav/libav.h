// FFmpeg's objects owned by unique_ptr, its errors as exceptions, its log kept from stderr. Included by .cpp
// files only.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

namespace reel::media {

constexpr int kIoBufferBytes = 1 << 16;  // between libav and our files

struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeCodec {
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
};
struct FreeScaler {
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};
struct FreeOutput {
  void operator()(AVFormatContext* output) const { avformat_free_context(output); }
};
struct CloseInput {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};
struct FreeIo {  // libav may have replaced the buffer it was given
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};
using FramePtr = std::unique_ptr<AVFrame, FreeFrame>;
using PacketPtr = std::unique_ptr<AVPacket, FreePacket>;
using CodecPtr = std::unique_ptr<AVCodecContext, FreeCodec>;
using ScalerPtr = std::unique_ptr<SwsContext, FreeScaler>;
using OutputPtr = std::unique_ptr<AVFormatContext, FreeOutput>;
using InputPtr = std::unique_ptr<AVFormatContext, CloseInput>;
using IoPtr = std::unique_ptr<AVIOContext, FreeIo>;

/// Options for a call that consumes those it knows.
class Dictionary {
 public:
  Dictionary() = default;
  ~Dictionary() { av_dict_free(&entries_); }
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;
  void set(const std::string& key, const std::string& value) {
    av_dict_set(&entries_, key.c_str(), value.c_str(), 0);
  }
  AVDictionary** get() { return &entries_; }

 private:
  AVDictionary* entries_ = nullptr;
};

/// While one lives, what libav reports as an error on this thread is kept instead of printed; at other times
/// it is dropped. libav knows one log function for the whole process, so the first capture takes it over.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  /// The last error line, without its end; empty if there was none.
  const std::string& last_error() const { return last_; }
  void clear() { last_.clear(); }
  void add(const std::string& line);

 private:
  LogCapture* outer_;
  std::string last_;
};

/// "what libav said", or the name of the error code if it said nothing.
std::string libav_reason(int error, const LogCapture& log);

/// Throws: std::bad_alloc if libav could not allocate.
template <class Pointer>
Pointer require_memory(Pointer pointer) {
  if (!pointer) throw std::bad_alloc();
  return pointer;
}

}  // namespace reel::media
