#include "models/text/unicode.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <unordered_map>
#include <vector>

#include "models/text/unicode_classes.inc"
#include "models/text/unicode_normal.inc"

namespace reel::models {

namespace {

// Hangul syllables are composed by arithmetic (The Unicode Standard, section 3.12).
constexpr char32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7;
constexpr char32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

constexpr uint32_t kTakenApartOnly = uint32_t{1} << 31;  // in kPairs

enum Class : uint32_t { kLetter = 1, kNumber = 2, kSpace = 3, kKind = 3, kWord = 4 };

// The value that a table of runs, `start << bits | value`, holds for a code point.
template <size_t N>
uint32_t in_runs(const uint32_t (&runs)[N], uint32_t bits, char32_t point) {
  const uint32_t last = (static_cast<uint32_t>(point) << bits) | ((1u << bits) - 1);
  const auto* after = std::upper_bound(std::begin(runs), std::end(runs), last);
  return after == std::begin(runs) ? 0 : after[-1] & ((1u << bits) - 1);
}

uint32_t class_of(char32_t point) { return in_runs(kClassRuns, 3, point); }

// The last of the records of `width` numbers whose first number is at most `key`; null if there is none.
template <size_t N>
const uint32_t* record_at(const uint32_t (&table)[N], size_t width, uint32_t key) {
  size_t low = 0, high = N / width;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if ((table[middle * width] & ~kTakenApartOnly) <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? nullptr : table + (low - 1) * width;
}

struct Mark {
  char32_t point;
  uint32_t combining;  // its class; 0 is a starter
};

void take_apart(char32_t point, std::vector<Mark>& parts) {
  if (point - kSyllables < kSyllableCount) {
    const char32_t index = point - kSyllables;
    parts.push_back({kLeads + index / (kVowelCount * kTailCount), 0});
    parts.push_back({kVowels + index / kTailCount % kVowelCount, 0});
    if (index % kTailCount != 0) parts.push_back({kTails + index % kTailCount, 0});
    return;
  }
  const uint32_t* run = record_at(kSingletonRuns, 3, point);
  if (run != nullptr && point - run[0] < run[1]) {
    return take_apart(kSingletonTargets[run[2] + (point - run[0])], parts);
  }
  const uint32_t* pair = record_at(kPairs, 3, point);
  if (pair != nullptr && (pair[0] & ~kTakenApartOnly) == point) {
    take_apart(pair[1], parts);
    return take_apart(pair[2], parts);
  }
  parts.push_back({point, in_runs(kCombiningRuns, 8, point)});
}

// The one code point that stands for two; 0 if there is none.
char32_t put_together(char32_t first, char32_t second) {
  if (first - kLeads < kLeadCount && second - kVowels < kVowelCount) {
    return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
  }
  if (first - kSyllables < kSyllableCount && (first - kSyllables) % kTailCount == 0 && second > kTails &&
      second - kTails < kTailCount) {
    return first + (second - kTails);
  }
  static const std::unordered_map<uint64_t, char32_t> wholes = [] {
    std::unordered_map<uint64_t, char32_t> map;
    for (size_t i = 0; i < std::size(kPairs); i += 3) {
      if (kPairs[i] & kTakenApartOnly) continue;
      map.emplace(uint64_t{kPairs[i + 1]} << 32 | kPairs[i + 2], kPairs[i]);
    }
    return map;
  }();
  const auto found = wholes.find(uint64_t{first} << 32 | second);
  return found == wholes.end() ? 0 : found->second;
}

}  // namespace

std::u32string compose(std::u32string text) {
  // Below U+0300 there is neither a mark nor anything that normalisation changes.
  if (std::all_of(text.begin(), text.end(), [](char32_t point) { return point < 0x300; })) return text;
  std::vector<Mark> parts;
  parts.reserve(text.size());
  for (const char32_t point : text) take_apart(point, parts);

  for (auto begin = parts.begin(); begin != parts.end();) {  // marks in the order of their classes
    if (begin->combining == 0) {
      ++begin;
      continue;
    }
    const auto end = std::find_if(begin, parts.end(), [](const Mark& mark) { return mark.combining == 0; });
    std::stable_sort(begin, end, [](const Mark& a, const Mark& b) { return a.combining < b.combining; });
    begin = end;
  }

  std::u32string whole;
  size_t starter = std::u32string::npos;
  uint32_t last = 0;  // class of the last mark kept
  for (const Mark& mark : parts) {
    // A mark joins its starter unless one of the same or a higher class stands between them.
    if (starter != std::u32string::npos && (starter + 1 == whole.size() || last < mark.combining)) {
      if (const char32_t joined = put_together(whole[starter], mark.point)) {
        whole[starter] = joined;
        continue;
      }
    }
    if (mark.combining == 0) starter = whole.size();
    last = mark.combining;
    whole.push_back(mark.point);
  }
  return whole;
}

std::u32string lower_case(std::u32string_view text) {
  std::u32string lower;
  lower.reserve(text.size());
  for (const char32_t point : text) {
    if (point < 0x80) {
      lower.push_back(point >= U'A' && point <= U'Z' ? point + 32 : point);
    } else if (point == 0x130) {
      lower += U"i\u0307";  // the only one that becomes two
    } else {
      const uint32_t* run = record_at(kLowerRuns, 4, point);
      const bool inside = run != nullptr && point <= run[1] && (point - run[0]) % run[2] == 0;
      lower.push_back(inside ? run[3] + (point - run[0]) : point);
    }
  }
  return lower;
}

std::vector<std::pair<char32_t, char32_t>> ranges_of(CharacterClass which) {
  std::vector<std::pair<char32_t, char32_t>> ranges;
  for (size_t i = 0; i < std::size(kClassRuns); ++i) {
    const uint32_t flags = kClassRuns[i] & 7;
    const bool inside = which == CharacterClass::kLetter   ? (flags & kKind) == kLetter
                        : which == CharacterClass::kNumber ? (flags & kKind) == kNumber
                        : which == CharacterClass::kSpace  ? (flags & kKind) == kSpace
                                                           : (flags & kWord) != 0;
    if (!inside) continue;
    const char32_t first = kClassRuns[i] >> 3;
    const char32_t last = (i + 1 < std::size(kClassRuns) ? kClassRuns[i + 1] >> 3 : 0x110000) - 1;
    if (!ranges.empty() && ranges.back().second + 1 == first) {
      ranges.back().second = last;
    } else {
      ranges.emplace_back(first, last);
    }
  }
  return ranges;
}

bool is_letter(char32_t point) { return (class_of(point) & kKind) == kLetter; }
bool is_number(char32_t point) { return (class_of(point) & kKind) == kNumber; }
bool is_space(char32_t point) { return (class_of(point) & kKind) == kSpace; }
bool is_word(char32_t point) { return (class_of(point) & kWord) != 0; }

}  // namespace reel::models
