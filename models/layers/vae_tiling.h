// Decoding in tiles and chunks of frames, so that memory depends on the tile and not on the video.
#pragma once

#include <functional>

#include "models/vae.h"

namespace reel::models {

/// Decodes images [N, h, w, C] to [N, H, W, 3], H = factor * h. Calls `decode` on chunks of frames and, if
/// tiling.tile is set and smaller than the picture, on square tiles, whose overlaps are blended linearly.
/// Throws: std::invalid_argument if tile or overlap is not a multiple of factor, or the overlap is not below
/// the tile.
at::Tensor decode_tiled(const at::Tensor& images, int64_t factor, const VaeTiling& tiling,
                        const std::function<void(int64_t, int64_t)>& progress,
                        const std::function<at::Tensor(const at::Tensor&)>& decode);

/// How many frames of a latent [..., height, width] to decode together, so that the decoder's widest maps stay near
/// 512 MiB. tile: side of a tile in pixels, 0: none.
int64_t frames_at_once(const Vae& vae, int64_t height, int64_t width, int64_t tile);

}  // namespace reel::models
