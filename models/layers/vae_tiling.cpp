#include "models/layers/vae_tiling.h"

namespace reel::models {
namespace {

/// First cells of tiles of `tile` that cover `size` with at least `overlap` shared cells; the last one ends
/// at the edge.
std::vector<int64_t> starts(int64_t size, int64_t tile, int64_t overlap) {
  std::vector<int64_t> all = {0};
  while (all.back() + tile < size) all.push_back(std::min(all.back() + tile - overlap, size - tile));
  return all;
}

/// Weights of a tile's pixels along one side: they rise over an overlap with a neighbour, else they are one.
at::Tensor ramp(int64_t begin, int64_t length, int64_t size, int64_t overlap) {
  at::Tensor weights = at::ones({length});
  const at::Tensor rise = (at::arange(overlap, at::kFloat) + 1) / double(overlap + 1);
  if (overlap > 0 && begin > 0) weights.narrow(0, 0, overlap).mul_(rise);
  if (overlap > 0 && begin + length < size) weights.narrow(0, length - overlap, overlap).mul_(rise.flip(0));
  return weights;
}

constexpr int64_t kMapBytes = int64_t{512} << 20;
constexpr int64_t kMapValues = 512;  // of each pixel in a decoder's widest maps, about

}  // namespace

int64_t frames_at_once(const Vae& vae, int64_t height, int64_t width, int64_t tile) {
  const auto side = [tile, factor = vae.latent_shape().factor](int64_t cells) {
    return tile > 0 ? std::min(tile, cells * factor) : cells * factor;
  };
  const auto values = kMapBytes / static_cast<int64_t>(c10::elementSize(vae.dtype()));
  return std::max<int64_t>(1, values / kMapValues / (side(height) * side(width)));
}

at::Tensor decode_tiled(const at::Tensor& images, int64_t factor, const VaeTiling& tiling,
                        const std::function<void(int64_t, int64_t)>& progress,
                        const std::function<at::Tensor(const at::Tensor&)>& decode) {
  const int64_t count = images.size(0), height = images.size(1), width = images.size(2);
  const bool tiled = tiling.tile > 0 && (tiling.tile < height * factor || tiling.tile < width * factor);
  if (tiled && (tiling.tile % factor || tiling.overlap % factor || tiling.overlap < 0 ||
                tiling.overlap >= tiling.tile)) {
    throw std::invalid_argument("[vae] tile and overlap must be multiples of " + std::to_string(factor) +
                                ", the overlap below the tile; got " + std::to_string(tiling.tile) + " and " +
                                std::to_string(tiling.overlap));
  }
  const int64_t tile_h = tiled ? std::min(tiling.tile / factor, height) : height;
  const int64_t tile_w = tiled ? std::min(tiling.tile / factor, width) : width;
  const int64_t overlap = tiled ? tiling.overlap / factor : 0;
  const std::vector<int64_t> tops = starts(height, tile_h, overlap), lefts = starts(width, tile_w, overlap);
  const int64_t chunk = tiling.frames > 0 ? std::min(tiling.frames, count) : count;

  at::Tensor output;
  const int64_t all = (count + chunk - 1) / chunk * int64_t(tops.size() * lefts.size());
  int64_t done = 0;
  for (int64_t first = 0; first < count; first += chunk) {
    const at::Tensor part = images.narrow(0, first, std::min(chunk, count - first));
    at::Tensor sum, weight_sum;
    for (const int64_t top : tops) {
      for (const int64_t left : lefts) {
        if (progress) progress(done, all);
        const at::Tensor decoded = decode(part.narrow(1, top, tile_h).narrow(2, left, tile_w));
        ++done;
        if (!output.defined()) {
          output = at::empty({count, height * factor, width * factor, decoded.size(3)}, decoded.options());
        }
        const at::Tensor target = output.narrow(0, first, part.size(0));
        if (!tiled) {
          target.copy_(decoded);
          continue;
        }
        if (!sum.defined()) {
          sum = target.zero_();
          weight_sum = at::zeros({height * factor, width * factor, 1}, decoded.options());
        }
        const at::Tensor weight =
            (ramp(top * factor, tile_h * factor, height * factor, overlap * factor).unsqueeze(1) *
             ramp(left * factor, tile_w * factor, width * factor, overlap * factor))
                .unsqueeze(2)
                .to(decoded.device());
        const auto place = [&](const at::Tensor& t, int64_t dim) {
          return t.narrow(dim, top * factor, tile_h * factor).narrow(dim + 1, left * factor, tile_w * factor);
        };
        place(sum, 1).add_(decoded * weight);
        place(weight_sum, 0).add_(weight);
      }
    }
    if (tiled) sum.div_(weight_sum);
  }
  if (progress) progress(all, all);
  return output;
}

}  // namespace reel::models
