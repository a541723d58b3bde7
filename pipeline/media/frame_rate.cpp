#include "pipeline/media/frame_rate.h"

#include <c10/util/StringUtil.h>

#include <cmath>
#include <numeric>
#include <stdexcept>

namespace reel::media {

FrameRate to_frame_rate(const std::string& place, double fps) {
  if (!(fps >= 0.001 && fps <= 1000)) {  // written so that NaN is refused too
    throw std::invalid_argument(
        c10::str("[", place, "] fps must lie in 0.001 to 1000, got ", fps, "; 8, 24 and 30 are usual"));
  }
  // Above the rounding of a float (6e-8) and below the distance of 29.97 from 30000/1001 (1e-6).
  const auto fits = [&](int64_t numerator, int64_t denominator) {
    return std::abs(static_cast<double>(numerator) / static_cast<double>(denominator) - fps) <= 1e-7 * fps;
  };
  // What people type and what television uses; anything else by the convergents of its continued fraction.
  for (const int64_t denominator : {1000, 1001}) {
    const int64_t numerator = std::llround(fps * static_cast<double>(denominator));
    const int64_t common = std::gcd(numerator, denominator);
    if (numerator > 0 && fits(numerator, denominator)) return {numerator / common, denominator / common};
  }
  int64_t p_before = 0, q_before = 1, p = 1, q = 0;
  for (double rest = fps;;) {
    const auto whole = static_cast<int64_t>(std::floor(rest));
    const int64_t p_next = whole * p + p_before, q_next = whole * q + q_before;
    p_before = p, q_before = q, p = p_next, q = q_next;
    if (p > 0 && fits(p, q)) return {p, q};
    rest = 1 / (rest - static_cast<double>(whole));
  }
}

}  // namespace reel::media
