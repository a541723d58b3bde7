#include "pipeline/media/stills/read_picture.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <stdexcept>

#include "models/files/input/input_stream.h"
#include "models/files/safetensors.h"
#include "pipeline/media/stills/foreign_file.h"
#include "pipeline/media/stills/formats/bmp_still.h"
#include "pipeline/media/stills/formats/coded_formats.h"
#include "pipeline/media/stills/formats/gif_still.h"
#include "pipeline/media/stills/formats/pnm_still.h"
#include "pipeline/media/stills/orientation.h"
#include "pipeline/media/y4m/y4m_reader.h"

namespace reel::media {
namespace {

constexpr int64_t kMostMemory = int64_t{320} << 20;  // file, decoder and pixels together
constexpr uint64_t kMostFile = uint64_t{160} << 20;
constexpr size_t kStartBytes = 512;

[[noreturn]] void refuse_picture(const std::string& path, const std::string& fault) {
  throw std::runtime_error("[" + path + "] " + fault);
}

/// Before memory is taken for a picture of that size. `bytes`: what it takes beside its pixels.
void check_memory(const std::string& path, PictureSize size, int64_t copies, int64_t bytes) {
  if (size.height < 1 || size.width < 1) {
    refuse_picture(path, c10::str("must have pixels, got a size of ", size.width, "x", size.height,
                                  "; copy or make it again"));
  }
  const bool fits = bytes <= kMostMemory && size.width <= kMostMemory / (3 * copies * size.height) &&
                    3 * copies * size.height * size.width <= kMostMemory - bytes;
  if (fits) return;
  const double all = 3.0 * static_cast<double>(copies * size.height) * static_cast<double>(size.width) +
                     static_cast<double>(bytes);
  refuse_picture(path, c10::str("is too large: ", size.width, "x", size.height, " pixels, which take ",
                                static_cast<int64_t>(all / (1 << 20)), " MiB to read, and at most ",
                                kMostMemory >> 20, " are taken; scale it down"));
}

/// A file whose kind is known, with its header read.
struct Still {
  const StillFormat* format;
  StillHeader header;
};

template <class Work>
auto explained(const std::string& path, const char* kind, Work work) {
  try {
    return work();
  } catch (const DamagedStill& error) {
    refuse_picture(path,
                   std::string("is a damaged ") + kind + ": " + error.what() + "; copy or make it again");
  } catch (const UnknownStill& error) {
    refuse_picture(path, std::string("is a ") + kind + " " + error.what() +
                             ", which reel does not read; convert it to PNG");
  }
}

const StillFormat* format_of(std::string_view start) {
  static const std::vector<StillFormat> own = {bmp_format(), gif_format(), pnm_format()};
  for (const auto* formats : {&coded_formats(), &own})
    for (const StillFormat& format : *formats)
      if (format.recognises(start)) return &format;
  return nullptr;
}

std::string start_of(const std::string& path) {
  models::InputStream stream({.path = path}, {.line_bytes = UINT64_MAX});
  std::string start(kStartBytes, '\0');
  stream.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(stream.gcount()));
  if (start.empty()) refuse_picture(path, "is empty; copy or make it again");
  return start;
}

bool is_y4m(std::string_view start) { return start.starts_with("YUV4MPEG2"); }

/// Eight bytes with the length of the header, which is a JSON object.
bool is_safetensors(std::string_view start) {
  return start.size() > 9 && start.substr(5, 4) == std::string_view("\0\0\0{", 4);
}

Still open_still(const std::string& path, std::string_view content) {
  const StillFormat* const format = format_of(content.substr(0, kStartBytes));
  if (!format) refuse_picture(path, foreign_file(content.substr(0, kStartBytes)));
  Still still{format, explained(path, format->name, [&] { return format->inspect(content); })};
  const StillHeader& header = still.header;
  check_memory(path, {header.height, header.width}, header.orientation > 1 ? 2 : 1,
               header.decoder_bytes + static_cast<int64_t>(content.size()));
  return still;
}

/// The whole file, unless its start shows that it is no picture.
std::string read_content(const std::string& path, std::string_view start) {
  if (!format_of(start)) refuse_picture(path, foreign_file(start));
  return models::read_input({.path = path, .most_bytes = kMostFile});
}

at::Tensor open_tensor(const std::string& path) {
  const auto file = models::SafetensorsFile::open(path);
  const auto found = file->tensors().find("image");
  if (found == file->tensors().end()) {
    refuse_picture(path, c10::str("must hold a tensor 'image', got ", file->tensors().size(),
                                  " of other names; write the picture under that name"));
  }
  const models::TensorInfo& info = found->second;
  if (info.dtype != at::kByte || info.shape.size() != 3 || info.shape[2] != 3) {
    refuse_picture(path, c10::str("must hold 'image' as uint8 [H, W, 3], got ", info.dtype, " ",
                                  at::IntArrayRef(info.shape), "; write it so"));
  }
  check_memory(path, {info.shape[0], info.shape[1]}, 1, 0);
  return models::TensorFile::view(file, info);
}

/// A y4m file up to `frame`, the size of which fits.
std::unique_ptr<VideoReader> open_frames(const std::string& path, int64_t frame) {
  auto reader = open_y4m(path, frame + 1);
  const VideoInfo info = reader->info();
  check_memory(path, {info.height, info.width}, 2, 0);  // a frame as stored takes no more than its pixels
  if (frame >= info.frames) {
    throw std::invalid_argument(c10::str("[", path, "] has the frames 0 to ", info.frames - 1, ", got ",
                                         frame, "; choose one of them"));
  }
  return reader;
}

}  // namespace

at::Tensor read_picture(const std::string& path, int64_t frame) {
  const std::string start = start_of(path);
  if (frame != 0 && (frame < 0 || !is_y4m(start))) {
    throw std::invalid_argument(c10::str("[", path, "] frame must be ",
                                         is_y4m(start) ? "0 or more" : "0 of a picture", ", got ", frame,
                                         "; leave it out"));
  }
  if (is_y4m(start)) return open_frames(path, frame)->read(frame, frame + 1).pixels[0];
  if (is_safetensors(start)) return open_tensor(path).clone();
  return decode_picture(path, read_content(path, start));
}

at::Tensor decode_picture(const std::string& path, std::string_view content) {
  const Still still = open_still(path, content);
  at::Tensor pixels = at::empty({still.header.height, still.header.width, 3}, at::kByte);
  explained(path, still.format->name, [&] {
    still.format->decode(content, still.header, pixels.mutable_data_ptr<uint8_t>());
    return true;
  });
  return upright(pixels, still.header.orientation);
}

PictureSize picture_size(const std::string& path) {
  const std::string start = start_of(path);
  if (is_y4m(start)) {
    const VideoInfo info = open_frames(path, 0)->info();
    return {info.height, info.width};
  }
  if (is_safetensors(start)) {
    const at::Tensor picture = open_tensor(path);
    return {picture.size(0), picture.size(1)};
  }
  const StillHeader header = open_still(path, read_content(path, start)).header;
  if (header.orientation >= 5) return {header.width, header.height};
  return {header.height, header.width};
}

}  // namespace reel::media
