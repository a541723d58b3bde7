#include "models/text/tokenizers/bpe_merges.h"

#include <functional>
#include <queue>

namespace reel::models {

namespace {

uint64_t pair_key(int32_t left, int32_t right) { return uint64_t(uint32_t(left)) << 32 | uint32_t(right); }

struct MergeSymbol {
  int32_t id;
  int32_t before, after;  // indices of its neighbours; -1 at the ends
  bool gone = false;      // merged into the one before it
};

struct MergeCandidate {
  uint32_t rank;
  int32_t position;  // of the left symbol
  int32_t whole;
  // Best rank first, then leftmost.
  bool operator>(const MergeCandidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

}  // namespace

BpeMerges::BpeMerges(const std::vector<BpeFiles::Merge>& merges) {
  merges_.reserve(merges.size());
  uint32_t rank = 0;
  for (const auto& [left, right, whole] : merges) {
    merges_[pair_key(static_cast<int32_t>(left), static_cast<int32_t>(right))] = {
        rank++, static_cast<int32_t>(whole)};
  }
}

void BpeMerges::apply(std::vector<int32_t>& ids) const {
  std::vector<MergeSymbol> symbols;
  symbols.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto index = static_cast<int32_t>(i);
    symbols.push_back({ids[i], index - 1, i + 1 < ids.size() ? index + 1 : -1});
  }
  std::priority_queue<MergeCandidate, std::vector<MergeCandidate>, std::greater<>> queue;
  const auto offer = [&](int32_t left, int32_t right) {
    const auto found = merges_.find(pair_key(symbols[left].id, symbols[right].id));
    if (found != merges_.end()) queue.push({found->second.rank, left, found->second.whole});
  };
  for (size_t i = 1; i < symbols.size(); ++i) offer(static_cast<int32_t>(i - 1), static_cast<int32_t>(i));
  while (!queue.empty()) {
    const MergeCandidate best = queue.top();
    queue.pop();
    MergeSymbol& left = symbols[best.position];
    if (left.gone || left.after < 0) continue;
    MergeSymbol& right = symbols[left.after];
    // An entry is out of date if the pair now there makes another token. It is not asked whether the pair is
    // still the same: two pairs that make one token are exchangeable here, since the tokenizers library has
    // it so.
    const auto now = merges_.find(pair_key(left.id, right.id));
    if (now == merges_.end() || now->second.whole != best.whole) continue;
    left.id = best.whole;
    left.after = right.after;
    right.gone = true;
    if (right.after >= 0) symbols[right.after].before = best.position;
    if (left.before >= 0) offer(left.before, best.position);
    if (left.after >= 0) offer(best.position, left.after);
  }
  ids.clear();
  for (const MergeSymbol& symbol : symbols) {
    if (!symbol.gone) ids.push_back(symbol.id);
  }
}

}  // namespace reel::models
