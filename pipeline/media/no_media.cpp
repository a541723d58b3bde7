// Stands in for FFmpeg and OpenCV in a build without them (REEL_WITH_MEDIA=OFF): .y4m is all that is left.
#include <stdexcept>

#include "pipeline/media/libav/encoders.h"
#include "pipeline/media/libav/gif_writer.h"
#include "pipeline/media/libav/libav_writer.h"
#include "pipeline/media/libav/media_reader.h"
#include "pipeline/media/pictures/picture_reader.h"
#include "pipeline/media/pictures/png_writer.h"

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

}  // namespace reel::media
