// Mixing the colours of print.
#pragma once

#include <algorithm>
#include <cstdint>

namespace reel::media {

/// Cyan, magenta, yellow and black (255: full ink) as red, green and blue. Source: Pillow's conversion of CMYK to RGB.
inline void inks_to_rgb(const uint8_t* inks, uint8_t* rgb) {
  const int light = 255 - inks[3];
  for (int c = 0; c < 3; ++c) {
    const int product = inks[c] * light + 128;  // divided by 255 with rounding
    rgb[c] = static_cast<uint8_t>(std::max(light - (((product >> 8) + product) >> 8), 0));
  }
}

}  // namespace reel::media
