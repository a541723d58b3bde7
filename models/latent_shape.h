// How many channels, frames and cells the latent of a video has.
#pragma once

#include <cstdint>
#include <string>

#include "models/files/config.h"

namespace reel::models {

/// The extent of a video in frames and pixels, or of a latent in cells.
struct Extent {
  int64_t frames = 0, height = 0, width = 0;
  bool operator==(const Extent&) const = default;
};

/// What a VAE makes of the extent of a video. Its configuration says so before weights are read.
struct LatentShape {
  int64_t channels = 4;
  int64_t factor = 8;  // pixels per cell, per side
  /// Frames per latent frame. Above 1 the first frame has a latent frame of its own, and a video has
  /// k * frame_factor + 1 frames.
  int64_t frame_factor = 1;
  bool operator==(const LatentShape&) const = default;

  /// The shape for a VAE that halves each side between two levels and leaves the number of frames alone.
  /// `vae`: the configuration of an AutoencoderKL.
  static LatentShape of_image_vae(const Config& vae);

  /// The latent of a video, in cells. `place` names the culprit in messages.
  /// Throws: std::invalid_argument as check_side and check_frames do.
  Extent of(const Extent& video, const std::string& place) const;
  /// The video of a latent: undoes `of`.
  Extent video_of(const Extent& cells) const;

  /// `side`: width or height. `whose`: what the message says after the rule, e.g. " for this model".
  /// Throws: std::invalid_argument with the two nearest valid sizes if `size` is no whole number of cells.
  void check_side(const std::string& place, const std::string& side, int64_t size,
                  const std::string& whose = "") const;
  /// Throws: std::invalid_argument with the two nearest valid numbers if no latent has so many frames.
  void check_frames(const std::string& place, int64_t frames, const std::string& whose = "") const;
};

}  // namespace reel::models
