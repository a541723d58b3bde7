#include "pipeline/media/libav/decoder.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "models/files/input/input_file.h"
#include "pipeline/media/container_file.h"
#include "pipeline/media/frame_range.h"

extern "C" {
#include <libavutil/display.h>
}

namespace reel::media {
namespace {

// Containers that hold their content themselves: a playlist could make libav open other files and addresses.
constexpr char kContainers[] = "mov,matroska,gif,avi,mpegts,mpeg,flv,ogg,asf";

bool starts_with(const char* text, const char* start) { return std::string(text).rfind(start, 0) == 0; }

}  // namespace

int Decoder::read_bytes(void* self, uint8_t* bytes, int count) {
  FILE* file = static_cast<Decoder*>(self)->file_.get();
  const size_t got = fread(bytes, 1, static_cast<size_t>(count), file);
  if (got > 0) return static_cast<int>(got);
  return ferror(file) ? AVERROR(EIO) : AVERROR_EOF;
}

int64_t Decoder::seek(void* self, int64_t offset, int whence) {
  auto& decoder = *static_cast<Decoder*>(self);
  if (whence == AVSEEK_SIZE) return decoder.size_;
  if (fseeko(decoder.file_.get(), offset, whence & ~AVSEEK_FORCE) != 0) return AVERROR(errno);
  return ftello(decoder.file_.get());
}

void Decoder::damaged(int error, const LogCapture& log) const {
  throw std::runtime_error(c10::str("[", path_, "] is damaged at frame ", decoded_, ": ",
                                    libav_reason(error, log), "; copy or make it again"));
}

Decoder::Decoder(const std::string& path) : path_(path), file_(fdopen(models::open_input({path}), "rb")) {
  if (!file_) throw std::runtime_error("[" + path + "] cannot be opened; check its name and rights");
  size_ = static_cast<int64_t>(std::filesystem::file_size(path));
  open_container();
  check_whole();
  open_decoder();
  packet_.reset(require_memory(av_packet_alloc()));
  frame_.reset(require_memory(av_frame_alloc()));
}

void Decoder::open_container() {
  LogCapture log;
  const auto unreadable = [&](int error) {
    throw std::runtime_error(c10::str("[", path_, "] is no video or picture that reel can read: ",
                                      libav_reason(error, log), "; convert it to .mp4, .webm, .gif or .png"));
  };
  auto* buffer = static_cast<unsigned char*>(require_memory(av_malloc(kIoBufferBytes)));
  io_.reset(require_memory(avio_alloc_context(buffer, kIoBufferBytes, 0, this, &read_bytes, nullptr, &seek)));
  AVFormatContext* input = require_memory(avformat_alloc_context());
  input->pb = io_.get();
  Dictionary options;
  options.set("format_whitelist", kContainers);
  options.set("protocol_whitelist", "none");  // nothing beside the file that is open already
  // Without a name, so that the content alone tells the format. Frees `input` when it fails.
  if (const int error = avformat_open_input(&input, nullptr, nullptr, options.get()); error < 0)
    unreadable(error);
  input_.reset(input);

  // To find the streams' properties, libav decodes: with the same bound as we do.
  std::vector<AVDictionary*> bounds(input_->nb_streams, nullptr);
  for (AVDictionary*& bound : bounds) av_dict_set_int(&bound, "max_pixels", kMostPixels, 0);
  const int found = avformat_find_stream_info(input_.get(), bounds.data());
  for (AVDictionary*& bound : bounds) av_dict_free(&bound);
  if (found < 0) unreadable(found);
  const int index = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (index < 0 || input_->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC) {
    throw std::runtime_error("[" + path_ + "] has no video in it; choose another file");
  }
  for (unsigned i = 0; i < input_->nb_streams; ++i) input_->streams[i]->discard = AVDISCARD_ALL;
  stream_ = input_->streams[index];
  stream_->discard = AVDISCARD_DEFAULT;
  check_size(path_, stream_->codecpar->width, stream_->codecpar->height);
}

// At the end of a cut file, libav stops as if the video ended there.
void Decoder::check_whole() {
  if (starts_with(input_->iformat->name, "matroska")) document_type_ = check_matroska(path_);
  if (starts_with(input_->iformat->name, "gif")) check_gif(path_);
  if (!starts_with(input_->iformat->name, "mov")) return;
  for (int i = 0; i < avformat_index_get_entries_count(stream_); ++i) {
    const AVIndexEntry* entry = avformat_index_get_entry(stream_, i);
    if (entry->pos + entry->size > size_) {
      throw std::runtime_error(
          c10::str("[", path_, "] is damaged: it is cut off before frame ", i, "; copy or make it again"));
    }
  }
}

void Decoder::open_decoder() {
  LogCapture log;
  const AVCodec* decoder = avcodec_find_decoder(stream_->codecpar->codec_id);
  if (!decoder) {
    throw std::runtime_error("[" + path_ + "] is coded as " + codec() +
                             ", which this FFmpeg cannot decode; convert it to H.264");
  }
  codec_.reset(require_memory(avcodec_alloc_context3(decoder)));
  if (const int error = avcodec_parameters_to_context(codec_.get(), stream_->codecpar); error < 0)
    damaged(error, log);
  codec_->pkt_timebase = stream_->time_base;
  codec_->max_pixels = kMostPixels;  // the size may change within the stream
  // Each thread holds frames: for very large ones, one thread must do.
  const int64_t pixels = int64_t{codec_->width} * codec_->height;
  codec_->thread_count = pixels > (int64_t{1} << 24) ? 1 : 0;
  if (const int error = avcodec_open2(codec_.get(), decoder, nullptr); error < 0) damaged(error, log);
}

// Gives the decoder one packet, or the news that there are no more. False if it had that news already.
bool Decoder::feed() {
  if (ended_) return false;
  LogCapture log;
  for (;;) {
    av_packet_unref(packet_.get());
    const int read = av_read_frame(input_.get(), packet_.get());
    if (read == AVERROR_EOF) break;
    if (read < 0) damaged(read, log);
    if (packet_->stream_index != stream_->index) continue;
    if (packet_->flags & AV_PKT_FLAG_CORRUPT) damaged(AVERROR_INVALIDDATA, log);
    if (const int sent = avcodec_send_packet(codec_.get(), packet_.get()); sent < 0) damaged(sent, log);
    return true;
  }
  ended_ = true;
  if (const int sent = avcodec_send_packet(codec_.get(), nullptr); sent < 0) damaged(sent, log);
  return true;
}

const AVFrame* Decoder::next() {
  LogCapture log;
  for (;;) {
    const int result = avcodec_receive_frame(codec_.get(), frame_.get());
    if (result == AVERROR(EAGAIN) && feed()) continue;
    if (result == AVERROR_EOF) return nullptr;
    if (result < 0) damaged(result, log);
    // What a decoder had to guess is no picture of the video.
    if (frame_->decode_error_flags != 0 || frame_->flags & AV_FRAME_FLAG_CORRUPT)
      damaged(AVERROR_INVALIDDATA, log);
    ++decoded_;
    return frame_.get();
  }
}

std::string Decoder::container() const {
  if (!document_type_.empty()) return document_type_;
  const std::string names = input_->iformat->name;
  return starts_with(names.c_str(), "mov") ? "mp4" : names.substr(0, names.find(','));
}

std::string Decoder::codec() const { return avcodec_get_name(stream_->codecpar->codec_id); }

int64_t Decoder::listed_frames() const {
  if (!starts_with(input_->iformat->name, "mov") || stream_->nb_frames <= 0) return 0;
  int64_t shown = 0;  // an edited file lists frames that are decoded but not shown
  for (int i = 0; i < avformat_index_get_entries_count(stream_); ++i) {
    shown += (avformat_index_get_entry(stream_, i)->flags & AVINDEX_DISCARD_FRAME) == 0;
  }
  return shown;
}

double Decoder::fps() const {
  for (const AVRational rate : {stream_->avg_frame_rate, stream_->r_frame_rate}) {
    if (rate.num > 0 && rate.den > 0) return av_q2d(rate);
  }
  return 25;  // FFmpeg's guess, too
}

int Decoder::quarter_turns() const {
  const uint8_t* matrix = av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (!matrix) return 0;
  const double degrees =
      av_display_rotation_get(reinterpret_cast<const int32_t*>(matrix));  // counter-clockwise
  if (!std::isfinite(degrees)) return 0;
  return (static_cast<int>(std::lround(degrees / 90)) % 4 + 4) % 4;
}

std::map<std::string, std::string> Decoder::metadata() const {
  std::map<std::string, std::string> tags;
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(input_->metadata, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
    std::string key = entry->key;
    // Fields of the file's header, which libav lists among the tags.
    if (key == "major_brand" || key == "minor_version" || key == "compatible_brands") continue;
    if (!document_type_.empty()) {
      std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
      if (key == "encoder") continue;
    }
    tags[key] = entry->value;
  }
  return tags;
}

}  // namespace reel::media
