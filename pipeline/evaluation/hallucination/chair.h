// CHAIR: how many of the objects that captions name are not in the picture.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace reel::evaluation {

/// What one caption says and what its picture holds.
struct CaptionObjects {
  std::vector<std::string> mentions;  // in order, with repetitions
  std::set<std::string> truth;
  int64_t words = 0;  // of the caption
};

/// Shares of all captions together. Without mentions (or objects) a share is 0.
/// Source: Rohrbach et al. (1809.02156).
struct ChairScore {
  int64_t captions = 0;
  double chair_i = 0;    // mentions of objects that are not there / mentions
  double chair_s = 0;    // captions with such a mention / captions
  double recall = 0;     // different true objects named / true objects
  double precision = 0;  // different true objects named / different objects named
  double length = 0;     // mean number of words

  double f1() const { return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0; }
};

ChairScore chair_score(const std::vector<CaptionObjects>& captions);

/// The mentions of objects that are not there.
std::vector<std::string> invented(const CaptionObjects& caption);

}  // namespace reel::evaluation
