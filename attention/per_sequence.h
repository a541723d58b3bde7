// What an edit keeps of each request and layer.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "attention/call.h"

namespace reel::attention {

/// State of type T by sequence and site. Call begin, fork and end from the edit's functions of these names:
/// a fork copies, an end forgets. T is a value whose copy is independent of it.
template <class T>
class PerSequence {
 public:
  /// The state of a row's sequence at a site; made by T{} when first asked for. The row must have a sequence.
  T& at(const Row& row, const Site& site) { return states_[row.sequence->id][site.block]; }
  /// Null if there is none yet.
  const T* find(uint64_t sequence, const Site& site) const {
    const auto of_sequence = states_.find(sequence);
    if (of_sequence == states_.end()) return nullptr;
    const auto state = of_sequence->second.find(site.block);
    return state == of_sequence->second.end() ? nullptr : &state->second;
  }
  void begin(const Sequence& sequence) { states_[sequence.id].clear(); }
  void fork(const Sequence& from, const Sequence& to) {
    const auto found = states_.find(from.id);
    if (found == states_.end()) {
      states_.erase(to.id);
    } else {
      states_[to.id] = found->second;
    }
  }
  void end(const Sequence& sequence) { states_.erase(sequence.id); }
  /// How many sequences have state.
  size_t size() const { return states_.size(); }

 private:
  std::map<uint64_t, std::map<int, T>> states_;
};

}  // namespace reel::attention
