#include "models/vision/picture_spans.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <stdexcept>

namespace reel::models {

std::vector<ImageSpan> picture_spans(const std::vector<int64_t>& ids, int64_t image_token,
                                     const std::vector<FeatureGrid>& grids) {
  int64_t expected = 0;
  for (const FeatureGrid& grid : grids) expected += grid.count();
  const auto found = static_cast<int64_t>(std::count(ids.begin(), ids.end(), image_token));
  if (found != expected) {
    throw std::invalid_argument(
        "[prompt] its " + std::to_string(grids.size()) +
        (grids.size() == 1 ? " picture takes " : " pictures take ") + std::to_string(expected) +
        " picture tokens, got " + std::to_string(found) +
        "; give one picture for each picture token of the prompt, and none in its text");
  }
  std::vector<ImageSpan> spans;
  size_t picture = 0;
  int64_t taken = 0;  // tokens of the picture so far
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] != image_token) continue;
    while (taken == grids[picture].count()) ++picture, taken = 0;
    const auto at = static_cast<int64_t>(i);
    if (taken == 0 || spans.back().begin + spans.back().count != at)
      spans.push_back({.begin = at, .image = static_cast<int64_t>(picture)});
    ++spans.back().count, ++taken;
    const FeatureGrid& grid = grids[picture];
    if (spans.back().count == grid.count())
      spans.back().height = grid.height, spans.back().width = grid.width;
  }
  return spans;
}

void put_features(const at::Tensor& embedded, const std::vector<ImageSpan>& spans,
                  const std::vector<at::Tensor>& features) {
  std::vector<int64_t> used(features.size(), 0);
  for (const ImageSpan& span : spans) {
    const auto picture = static_cast<size_t>(span.image);
    embedded.narrow(0, span.begin, span.count).copy_(features[picture].narrow(0, used[picture], span.count));
    used[picture] += span.count;
  }
}

}  // namespace reel::models
