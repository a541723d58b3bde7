#include "models/latent_shape.h"

#include <algorithm>
#include <stdexcept>

namespace reel::models {
namespace {

[[noreturn]] void refuse_size(const std::string& rule, int64_t got, int64_t low, int64_t step) {
  throw std::invalid_argument(rule + ", got " + std::to_string(got) + "; the nearest are " +
                              std::to_string(low) + " and " + std::to_string(low + step));
}

}  // namespace

LatentShape LatentShape::of_image_vae(const Config& vae) {
  const auto levels = vae.integers("block_out_channels", {64}).size();
  return {.channels = vae.bounded("latent_channels", 4, 1, 4096),
          .factor = int64_t{1} << (std::clamp<size_t>(levels, 1, 16) - 1)};
}

Extent LatentShape::of(const Extent& video, const std::string& place) const {
  check_side(place, "width", video.width);
  check_side(place, "height", video.height);
  check_frames(place, video.frames);
  return {(video.frames - 1) / frame_factor + 1, video.height / factor, video.width / factor};
}

Extent LatentShape::video_of(const Extent& cells) const {
  return {(cells.frames - 1) * frame_factor + 1, cells.height * factor, cells.width * factor};
}

void LatentShape::check_side(const std::string& place, const std::string& side, int64_t size,
                             const std::string& whose) const {
  if (size % factor == 0) return;
  refuse_size("[" + place + "] the " + side + " must be a multiple of " + std::to_string(factor) + whose,
              size, std::max(factor, size / factor * factor), factor);
}

void LatentShape::check_frames(const std::string& place, int64_t frames, const std::string& whose) const {
  if ((frames - 1) % frame_factor == 0) return;
  refuse_size(
      "[" + place + "] the number of frames must be " + std::to_string(frame_factor) + "k + 1" + whose,
      frames, std::max<int64_t>(0, frames - 1) / frame_factor * frame_factor + 1, frame_factor);
}

}  // namespace reel::models
