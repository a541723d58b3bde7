#include "attention/call.h"

#include <cmath>

namespace reel::attention {

double scale_of(const Call& call) {
  return std::isnan(call.scale) ? 1.0 / std::sqrt(double(call.q.size(4))) : call.scale;
}

Call with_rotary(Call call) {
  if (call.rotary && call.positions.defined()) call.q = rotated(*call.rotary, call.q, call.positions);
  if (call.rotary && call.key_positions.defined()) call.k = rotated(*call.rotary, call.k, call.key_positions);
  call.rotary = nullptr;
  call.positions.reset(), call.key_positions.reset();
  return call;
}

}  // namespace reel::attention
