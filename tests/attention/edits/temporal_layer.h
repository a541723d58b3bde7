// Temporal attention layers of a small UNet for tests of edits, and what an edited one computes by the
// definition, in double and plain loops: it shares no code with what it judges.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "attention/plugin/edit_registry.h"
#include "attention/processor.h"

namespace reel::attention {

/// A layer [rows, height x width, heads, frames, d] of up_blocks.<block>, with fixed random contents.
struct TemporalLayer {
  Site site;
  int64_t height, width;
  std::vector<Row> rows;
  at::Tensor q, k, v;

  TemporalLayer(int block, int level, int64_t height, int64_t width, int64_t heads, int64_t frames,
                int64_t d = 6, std::vector<Row> rows = {{.conditional = false}, {.conditional = true}},
                double sharpness = 2)
      : site{.path = "up_blocks." + std::to_string(block) + ".motion_modules.0.transformer_blocks.0.attn1",
             .kind = SiteKind::kTemporal,
             .heads = int(heads),
             .level = level},
        height(height),
        width(width),
        rows(std::move(rows)) {
    at::manual_seed(static_cast<uint64_t>(100 * block + level));
    const auto random = [&] {
      return at::randn({int64_t(this->rows.size()), frames, height * width, heads, d})
          .permute({0, 2, 3, 1, 4});
    };
    q = random() * sharpness, k = random(), v = random();
  }

  Call call(const Step& step) const {
    Call call{.site = site, .step = step, .tokens = {0, q.size(3), height, width}, .rows = rows};
    call.q = q, call.k = k, call.v = v;
    return call;
  }
};

inline EditRegistry all_edits() {
  EditRegistry registry;
  register_edits(registry);
  return registry;
}

/// Needs the map, and leaves it as it is: puts a call on the explicit path.
inline EditRule looking_within() {
  class LooksWithin : public Edit {
   public:
    Hooks hooks() const override { return {.probs = true}; }
  };
  return {"looks_within", "looks_within", {}, [] { return std::make_unique<LooksWithin>(); }};
}

/// The layers one after the other through one processor, at one step.
inline std::vector<at::Tensor> run_plan(const std::vector<TemporalLayer>& layers, const EditPlan& plan,
                                        int step_index = 0, int step_count = 25,
                                        MapForm form = MapForm::kFused, std::string* path = nullptr) {
  Processor processor(plan, int64_t{1} << 30, form);
  const Step step{.index = step_index, .count = step_count};
  processor.begin_step(step);
  std::vector<at::Tensor> outputs;
  for (const TemporalLayer& layer : layers) outputs.push_back(processor.attend(layer.call(step)));
  if (path) *path = processor.report()[0].path;
  return outputs;
}

/// The same with the given edits.
inline std::vector<at::Tensor> run_layers(const std::vector<TemporalLayer>& layers,
                                          const std::vector<std::string>& edits, int step_index = 0,
                                          int step_count = 25, MapForm form = MapForm::kFused,
                                          std::string* path = nullptr) {
  EditPlan plan;
  const EditRegistry registry = all_edits();
  for (const std::string& edit : edits) plan.push_back(registry.parse(edit));
  return run_plan(layers, plan, step_index, step_count, form, path);
}

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

/// A map of doubles, [rows, places, heads, frames, frames].
struct PlainMap {
  int64_t rows, places, heads, frames;
  std::vector<double> values;
  PlainMap(int64_t r, int64_t g, int64_t h, int64_t f)
      : rows(r), places(g), heads(h), frames(f), values(size_t(r * g * h * f * f)) {}
  double* row(int64_t r, int64_t g, int64_t h, int64_t i) {
    return &values[size_t((((r * places + g) * heads + h) * frames + i) * frames)];
  }
};

/// softmax(q k^T / sqrt(d) + strength m exp(-(i - j)^2 / (2 sigma^2))); sigma 0: no band.
inline PlainMap plain_map(const TemporalLayer& layer, double sigma = 0, double strength = 1) {
  const auto q = layer.q.to(at::kDouble).contiguous(), k = layer.k.to(at::kDouble).contiguous();
  const auto qa = q.accessor<double, 5>(), ka = k.accessor<double, 5>();
  PlainMap map(q.size(0), q.size(1), q.size(2), q.size(3));
  for (int64_t r = 0; r < map.rows; ++r)
    for (int64_t g = 0; g < map.places; ++g)
      for (int64_t h = 0; h < map.heads; ++h)
        for (int64_t i = 0; i < map.frames; ++i) {
          double* row = map.row(r, g, h, i);
          double most = -INFINITY, sum = 0;
          for (int64_t j = 0; j < map.frames; ++j) {
            double dot = 0;
            for (int64_t c = 0; c < q.size(4); ++c) dot += qa[r][g][h][i][c] * ka[r][g][h][j][c];
            row[j] = dot / std::sqrt(double(q.size(4)));
            most = std::max(most, row[j]);
          }
          for (int64_t j = 0; j < map.frames && sigma > 0; ++j)
            row[j] += strength * most * std::exp(-double((i - j) * (i - j)) / (2 * sigma * sigma));
          for (int64_t j = 0; j < map.frames; ++j) sum += row[j] = std::exp(row[j]);
          for (int64_t j = 0; j < map.frames; ++j) row[j] /= sum;
        }
  return map;
}

/// map v, [rows, places, heads, frames, d].
inline at::Tensor plain_output(PlainMap& map, const TemporalLayer& layer) {
  const at::Tensor v = layer.v.to(at::kDouble).contiguous();
  const auto va = v.accessor<double, 5>();
  at::Tensor out = at::zeros(v.sizes(), at::kDouble);
  auto oa = out.accessor<double, 5>();
  for (int64_t r = 0; r < map.rows; ++r)
    for (int64_t g = 0; g < map.places; ++g)
      for (int64_t h = 0; h < map.heads; ++h)
        for (int64_t i = 0; i < map.frames; ++i)
          for (int64_t j = 0; j < map.frames; ++j)
            for (int64_t c = 0; c < v.size(4); ++c)
              oa[r][g][h][i][c] += map.row(r, g, h, i)[j] * va[r][g][h][j][c];
  return out;
}

}  // namespace reel::attention
