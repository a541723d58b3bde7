#include "pipeline/attention_maps.h"

#include <set>
#include <stdexcept>
#include <vector>

namespace reel::pipeline {
namespace {

/// Dark blue over magenta to yellow: perceived brightness grows with the value. Control points chosen by us.
at::Tensor colours(const at::Tensor& values) {
  static const float kStops[5][3] = {{0.05F, 0.03F, 0.20F},
                                     {0.40F, 0.05F, 0.50F},
                                     {0.80F, 0.20F, 0.40F},
                                     {0.98F, 0.55F, 0.20F},
                                     {0.99F, 0.95F, 0.60F}};
  const at::Tensor stops = at::from_blob(const_cast<float*>(&kStops[0][0]), {5, 3}, at::kFloat);
  const at::Tensor position = values.clamp(0, 1) * 4;
  const at::Tensor low = position.floor().clamp_max(3).to(at::kLong);
  const at::Tensor share = (position - low).unsqueeze(-1);
  const auto pick = [&](const at::Tensor& index) {
    return stops.index_select(0, index.flatten()).view({index.size(0), index.size(1), 3});
  };
  return pick(low) * (1 - share) + pick(low + 1) * share;
}

/// One site's map [Nq, Nk] from what was recorded: conditional rows come last.
at::Tensor flatten_map(const at::Tensor& recorded) {
  at::Tensor map =
      recorded.narrow(0, recorded.size(0) - (recorded.size(0) + 1) / 2, (recorded.size(0) + 1) / 2);
  while (map.dim() > 2) map = map.mean(0);
  return map;
}

}  // namespace

at::Tensor draw_attention_maps(const std::map<std::string, at::Tensor>& maps, int64_t cell) {
  std::set<int> steps;
  std::vector<std::string> sites;
  std::map<std::pair<std::string, int>, at::Tensor> by_place;
  for (const auto& [name, map] : maps) {
    const size_t at = name.rfind("/step");
    if (at == std::string::npos || name.find('/', at + 1) != std::string::npos)
      continue;  // further calls of a step
    const std::string site = name.substr(0, at);
    const int step = std::stoi(name.substr(at + 5));
    steps.insert(step);
    if (std::find(sites.begin(), sites.end(), site) == sites.end()) sites.push_back(site);
    by_place[{site, step}] = map;
  }
  if (by_place.empty())
    throw std::invalid_argument("[inspect] no attention maps were recorded; widen the selector");
  const auto columns = static_cast<int64_t>(std::ceil(std::sqrt(double(sites.size()))));
  const int64_t rows = (static_cast<int64_t>(sites.size()) + columns - 1) / columns, gap = 4;
  at::Tensor pictures = at::full(
      {static_cast<int64_t>(steps.size()), rows * (cell + gap) + gap, columns * (cell + gap) + gap, 3}, 0.12);
  int64_t frame = 0;
  for (const int step : steps) {
    for (size_t i = 0; i < sites.size(); ++i) {
      const auto found = by_place.find({sites[i], step});
      if (found == by_place.end()) continue;
      const at::Tensor map = flatten_map(found->second);
      const at::Tensor scaled = map / map.max().clamp_min(1e-12);
      const at::Tensor square =
          at::upsample_nearest2d(scaled.unsqueeze(0).unsqueeze(0), {cell, cell}).squeeze(0).squeeze(0);
      const int64_t top = gap + static_cast<int64_t>(i) / columns * (cell + gap),
                    left = gap + static_cast<int64_t>(i) % columns * (cell + gap);
      pictures[frame].narrow(0, top, cell).narrow(1, left, cell).copy_(colours(square));
    }
    ++frame;
  }
  return pictures;
}

}  // namespace reel::pipeline
