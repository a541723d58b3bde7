#include "pipeline/attention_maps.h"

#include <set>
#include <stdexcept>

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

/// `<site>/step<n>` taken apart; no site for further calls of a step and other names.
struct Place {
  std::string site;
  int step = 0;
};
Place place_of(const std::string& name) {
  const size_t at = name.rfind("/step");
  if (at == std::string::npos || name.find('/', at + 1) != std::string::npos) return {};
  return {name.substr(0, at), std::stoi(name.substr(at + 5))};
}

/// The sites that any run recorded, in the wanted order.
std::vector<std::string> recorded_sites(std::span<const AttentionMaps> runs,
                                        const std::vector<std::string>& order) {
  std::set<std::string> recorded;
  for (const AttentionMaps& run : runs) {
    for (const auto& entry : run) recorded.insert(place_of(entry.first).site);
  }
  recorded.erase("");
  if (order.empty()) return {recorded.begin(), recorded.end()};
  std::vector<std::string> sites;
  for (const std::string& site : order) {
    if (recorded.count(site)) sites.push_back(site);
  }
  return sites;
}

/// `count` of them, the first and the last included, at even distances.
std::vector<std::string> spread(const std::vector<std::string>& all, size_t count) {
  if (count == 0 || all.size() <= count) return all;
  std::vector<std::string> some;
  for (size_t i = 0; i < count; ++i) some.push_back(all[count == 1 ? 0 : i * (all.size() - 1) / (count - 1)]);
  return some;
}

/// The maps of one site and step, one a run (undefined where there is none), scaled to their common maximum.
std::vector<at::Tensor> scaled_maps(std::span<const AttentionMaps> runs, const std::string& name) {
  std::vector<at::Tensor> maps;
  double largest = 1e-12;
  for (const AttentionMaps& run : runs) {
    const auto found = run.find(name);
    maps.push_back(found == run.end() ? at::Tensor() : flatten_map(found->second));
    if (maps.back().defined()) largest = std::max(largest, maps.back().max().item<double>());
  }
  for (at::Tensor& map : maps) {
    if (map.defined()) map = map / largest;
  }
  return maps;
}

}  // namespace

MapPictures draw_attention_maps(std::span<const AttentionMaps> runs, const MapPictureOptions& options) {
  const std::vector<std::string> all = recorded_sites(runs, options.order);
  if (all.empty())
    throw std::invalid_argument("[inspect] no attention maps were recorded; widen the selector");
  MapPictures drawn;
  drawn.sites = spread(all, static_cast<size_t>(options.most_sites));
  drawn.left_out = all.size() - drawn.sites.size();
  std::set<int> steps;
  for (const AttentionMaps& run : runs) {
    for (const auto& entry : run) {
      if (const Place place = place_of(entry.first); !place.site.empty()) steps.insert(place.step);
    }
  }
  // Squares of one site stand closer together than sites do.
  constexpr int64_t kGap = 6, kInnerGap = 2;
  const int64_t cell = options.cell, members = static_cast<int64_t>(runs.size());
  const auto count = static_cast<int64_t>(drawn.sites.size());
  const auto columns = static_cast<int64_t>(std::ceil(std::sqrt(double(count) / double(members))));
  const int64_t rows = (count + columns - 1) / columns, width = members * (cell + kInnerGap) - kInnerGap;
  drawn.pixels = at::full(
      {static_cast<int64_t>(steps.size()), rows * (cell + kGap) + kGap, columns * (width + kGap) + kGap, 3},
      0.12);
  int64_t frame = 0;
  for (const int step : steps) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t top = kGap + i / columns * (cell + kGap), left = kGap + i % columns * (width + kGap);
      const auto maps = scaled_maps(runs, drawn.sites[i] + "/step" + std::to_string(step));
      for (int64_t k = 0; k < members; ++k) {
        if (!maps[k].defined()) continue;
        const at::Tensor square =
            at::upsample_nearest2d(maps[k].unsqueeze(0).unsqueeze(0), {cell, cell}).squeeze(0).squeeze(0);
        drawn.pixels[frame]
            .narrow(0, top, cell)
            .narrow(1, left + k * (cell + kInnerGap), cell)
            .copy_(colours(square));
      }
    }
    ++frame;
  }
  return drawn;
}

}  // namespace reel::pipeline
