#include "attention/call.h"

#include <cmath>

namespace reel::attention {

double scale_of(const Call& call) {
  return std::isnan(call.scale) ? 1.0 / std::sqrt(double(call.q.size(4))) : call.scale;
}

at::Tensor turned_to(const Call& call, const at::Tensor& x, const at::Tensor& positions) {
  if (call.angles && call.angles->are_of(call.rotary, positions)) return turned(x, *call.angles);
  return rotated(*call.rotary, x, positions);
}

Call with_rotary(Call call) {
  if (call.rotary && call.positions.defined()) call.q = turned_to(call, call.q, call.positions);
  if (call.rotary && call.key_positions.defined()) call.k = turned_to(call, call.k, call.key_positions);
  call.rotary = nullptr;
  call.positions.reset(), call.key_positions.reset();
  return call;
}

}  // namespace reel::attention
