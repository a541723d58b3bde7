// The merges of byte-pair encoding: which two neighbouring tokens become one, and in which order.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "models/text/tokenizer_files.h"

namespace reel::models {

class BpeMerges {
 public:
  /// Best first; of equal pairs the last one counts.
  explicit BpeMerges(const std::vector<BpeFiles::Merge>& merges);

  /// Merges neighbours until no merge is left. Time O(n log n).
  void apply(std::vector<int32_t>& ids) const;

 private:
  struct Merge {
    uint32_t rank;
    int32_t whole;
  };
  std::unordered_map<uint64_t, Merge> merges_;  // by the two ids
};

}  // namespace reel::models
