// Recorded attention maps as pictures.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace reel::pipeline {

/// What one run recorded, named `<site>/step<n>`: [R, Nq, Nk], [R, heads, Nq, Nk] or larger. Names with more
/// behind the step, further calls of it, are not drawn.
using AttentionMaps = std::map<std::string, at::Tensor>;

struct MapPictureOptions {
  std::vector<std::string> order;  // sites, as they are to be drawn; empty: in order of their names
  int64_t most_sites = 0;          // if there are more, so many spread evenly over them; 0: all
  int64_t cell = 96;               // pixels of a map's side
};

struct MapPictures {
  at::Tensor pixels;               // f32 [steps, H, W, 3] in [0, 1]
  std::vector<std::string> sites;  // shown, row by row
  size_t left_out = 0;             // sites
};

/// One picture per step, in which each site has a square, row by row. With several runs (without and with
/// edits) a site has one square for each run, side by side in their order; a place that a run did not record
/// stays dark. Maps are averaged down to [Nq, Nk] over conditional rows (the last ones); brightness is
/// attention relative to the largest value of that site and step, the same for all runs. Throws:
/// std::invalid_argument if there are no maps.
MapPictures draw_attention_maps(std::span<const AttentionMaps> runs, const MapPictureOptions& options = {});

}  // namespace reel::pipeline
