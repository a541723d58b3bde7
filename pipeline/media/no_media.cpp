// Stands in for FFmpeg, OpenCV and the libraries of picture files in a build without them (REEL_WITH_MEDIA=OFF): of videos
// .y4m is left, of pictures what needs no library.
#include <stdexcept>

#include "pipeline/media/libav/encoders.h"
#include "pipeline/media/libav/gif_writer.h"
#include "pipeline/media/libav/libav_writer.h"
#include "pipeline/media/libav/media_reader.h"
#include "pipeline/media/pictures/picture_reader.h"
#include "pipeline/media/pictures/png_writer.h"
#include "pipeline/media/stills/formats/coded_formats.h"

namespace reel::media {
namespace {

[[noreturn]] void refuse(const std::string& path) {
  throw std::runtime_error(
      "[" + path +
      "] needs FFmpeg and OpenCV, and this reel was built without them; use a .y4m file, "
      "or build with -DREEL_WITH_MEDIA=ON");
}

}  // namespace

bool can_encode(const std::string&) { return false; }
std::unique_ptr<VideoWriter> make_libav_writer(const OutputPlan& plan) { refuse(plan.path); }
std::unique_ptr<VideoWriter> make_gif_writer(const OutputPlan& plan) { refuse(plan.path); }
std::unique_ptr<VideoWriter> make_png_writer(const OutputPlan& plan) { refuse(plan.path); }
std::unique_ptr<VideoReader> open_media(const std::string& path) { refuse(path); }
bool can_read_pictures() { return false; }
at::Tensor read_rgba(const std::string& path) { refuse(path); }
const std::vector<StillFormat>& coded_formats() {
  static const std::vector<StillFormat> none;
  return none;
}

}  // namespace reel::media
