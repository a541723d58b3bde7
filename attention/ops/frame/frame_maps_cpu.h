// The maps of one sequence and head at a time on the CPU, in registers and the first-level cache.
#pragma once

#include <vector>

#include "attention/ops/frame/frame_map_edit.h"

namespace reel::attention {

/// Sixteen floats: one register of AVX-512, two of AVX2; the compiler splits them where there are neither.
using Lanes = float __attribute__((vector_size(64)));
constexpr int64_t kLanes = 16;

/// A FrameMapEdit as the CPU wants it: made once for all sequences.
struct FrameMapTables {
  FrameMapTables(const FrameMapEdit& edit, int64_t frames);
  FrameMapEdit edit;        // anchor and weights f32
  std::vector<float> band;  // [2 F - 1]: band_|x| at x + F - 1
  std::vector<Lanes> high;  // [F, span]: the projector, padded
};

/// Where sequence `i` (counted over rows, groups and heads of the queries) of a tensor [R, G or 1, heads, N,
/// d] begins.
struct Sequence {
  int64_t row, group, head;
  Sequence(int64_t i, int64_t groups, int64_t heads)
      : row(i / (groups * heads)), group(i / heads % groups), head(i % heads) {}
  int64_t offset(const at::Tensor& t) const {
    return row * t.stride(0) + (t.size(1) == 1 ? 0 : group * t.stride(1)) + head * t.stride(2);
  }
};

/// One thread's working memory: a sequence's keys and values, and the maps of a block of its queries; f32,
/// rows padded to whole vectors. Call in order: load_keys, then for each block form, guide, raise, answer.
class FrameMaps {
 public:
  /// Queries whose maps are formed together: with 256 keys they and the keys stay in the second-level cache.
  static constexpr int64_t kQueries = 64;

  FrameMaps(int64_t queries, int64_t keys, int64_t d, const FrameMapTables& tables);

  void load_keys(const at::Tensor& k, const Sequence& sequence);
  void load_values(const at::Tensor& v, const Sequence& sequence);
  /// softmax(scale q k^T), with the band, of `count` queries from `first` on.
  void form(const at::Tensor& q, const Sequence& sequence, int64_t first, int64_t count, float scale);
  /// Draws the maps to the anchor's.
  void guide(const Sequence& sequence);
  /// Multiplies the maps' high frequencies.
  void raise(float gain);
  /// Maps times values, into `result`.
  void answer(const at::Tensor& result, const Sequence& sequence);
  /// The sum of the squares of the maps, or of their high frequencies.
  double energy() const;
  double high_energy();
  /// Copies the maps to rows of as many floats as there are keys.
  void copy_to(float* rows) const;

 private:
  void find_high();
  const FrameMapTables& tables_;
  int64_t keys_, d_, width_, span_;         // the last two: d and keys, padded
  int64_t first_ = 0, count_ = 0;           // the block of queries
  std::vector<Lanes> query_, key_, value_;  // [queries, d], [d, keys] (transposed), [keys, d]
  std::vector<Lanes> map_, high_;           // [queries, keys]
};

}  // namespace reel::attention
