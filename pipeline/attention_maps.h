// Recorded attention maps as pictures.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace reel::pipeline {

/// The maps that one run recorded, by the name `<site>/step<n>`: [R, Nq, Nk], [R, heads, Nq, Nk] or larger. A
/// name with more text behind the step belongs to a further call of that step and is not drawn.
using AttentionMaps = std::map<std::string, at::Tensor>;

struct MapPictureOptions {
  std::vector<std::string> order;  // sites in the order of drawing; empty: by name
  int64_t most_sites = 0;          // of more sites than this, draws so many, evenly spread; 0: all
  int64_t cell = 96;               // pixels of a map's side
};

struct MapPictures {
  at::Tensor pixels;               // f32 [steps, H, W, 3] in [0, 1]
  std::vector<std::string> sites;  // shown, row by row
  size_t left_out = 0;             // sites
};

/// Draws one picture for each step. Each site has one square in it for each run (without and with edits),
/// side by side in the order of the runs; a square that a run did not record stays dark. A map is averaged
/// over its conditional rows (the last ones) and its heads to [Nq, Nk]. Brightness is attention relative to
/// the largest value of that site and step over all runs.
/// Throws: std::invalid_argument if there are no maps.
MapPictures draw_attention_maps(std::span<const AttentionMaps> runs, const MapPictureOptions& options = {});

}  // namespace reel::pipeline
