// Frames a second as a fraction, as containers store them.
#pragma once

#include <cstdint>
#include <string>

namespace reel::media {

struct FrameRate {
  int64_t numerator = 8, denominator = 1;
  double value() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }
};

/// A simple fraction within 1e-7 of `fps`: 7.5 is 15/2, 29.97 is 2997/100, and 30000.0/1001 is
/// 30000/1001. Range: fps in [0.001, 1000]. Throws: std::invalid_argument "[place] ..." outside that range.
FrameRate to_frame_rate(const std::string& place, double fps);

}  // namespace reel::media
