// What a processor keeps of its edits, of the sites that it met, and of a call while it computes it. Only
// processor.cpp and observer.cpp include this.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "attention/processing/observer.h"
#include "attention/processor.h"

namespace reel::attention {

struct Processor::Active {
  EditRule rule;
  std::unique_ptr<Edit> edit;
  Observer* observer = nullptr;  // `edit`, if it only looks
  Hooks hooks;
  EditReport report;
  bool needs_map() const { return hooks.logits || hooks.probs; }
  bool wraps() const { return hooks.attend && !hooks.fast; }
  bool keeps_together() const { return hooks.relates_rows || hooks.relates_heads || hooks.whole_map; }
};

struct Processor::Match {
  Active* active;
  Indices heads;  // of the site; empty: all

  /// What the edit selects of a call, which may be a part of the site's.
  struct Chosen {
    Indices rows, heads;
    bool none = false;
  };
  Chosen choose(const Call& call) const {
    Chosen chosen;
    for (size_t r = 0; r < call.rows.size(); ++r) {
      if (active->rule.where.matches(call.rows[r])) chosen.rows.push_back(static_cast<int64_t>(r));
    }
    chosen.none = chosen.rows.empty() && !call.rows.empty();
    if (chosen.rows.size() == call.rows.size()) chosen.rows.clear();
    if (heads.empty()) return chosen;
    const auto count = static_cast<size_t>(call.q.size(2));
    for (size_t h = 0; h < count; ++h) {
      const int64_t head = call.heads.empty() ? static_cast<int64_t>(h) : call.heads[h];
      if (std::binary_search(heads.begin(), heads.end(), head))
        chosen.heads.push_back(static_cast<int64_t>(h));
    }
    chosen.none |= chosen.heads.empty();
    if (chosen.heads.size() == count) chosen.heads.clear();
    return chosen;
  }
};

struct Processor::AtSite {
  std::string path;
  std::vector<Match> matches;
  /// A part of all calls with the same rows and the same edits at work, and its edits. `computed` are its heads, or
  /// whole groups of heads that share a key head: `kept` are then the part's own among them (empty: all).
  struct SeenPart {
    Part part;
    Matches matches;
    Indices computed, kept;
  };
  struct Seen {
    std::vector<bool> acting, conditional;  // of the matches; of the rows
    int64_t rows = 0;
    Matches matches;  // of all parts
    std::vector<SeenPart> parts;
  };
  std::deque<Seen> seen;
  const Seen* present = nullptr;  // that of the last call
};

struct Processor::Working {
  const AtSite::SeenPart* seen;
  std::unique_ptr<NarrowCall> narrowed;  // null if it is all of the call
  Call* call;
};

}  // namespace reel::attention
