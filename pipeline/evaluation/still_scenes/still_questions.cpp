#include "pipeline/evaluation/still_scenes/still_questions.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace reel::world {
namespace {

constexpr size_t kPopular = 12, kAsked = 2;

/// The same order on every platform, which std::shuffle does not promise.
void shuffle(std::vector<int>& values, Dice& dice) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[dice.below(i)]);
}

std::set<int> popular_objects(const StillWorld& still) {
  std::vector<int> all(still.objects());
  std::iota(all.begin(), all.end(), 0);
  std::ranges::stable_sort(all, std::greater(), [&](int object) { return still.frequency[object]; });
  return {all.begin(), all.begin() + static_cast<int64_t>(std::min(kPopular, all.size()))};
}

void replace(std::string& text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

}  // namespace

std::string name_of(QuestionSplit split) {
  if (split == QuestionSplit::kRandom) return "random";
  return split == QuestionSplit::kPopular ? "popular" : "adversarial";
}

std::array<std::vector<StillQuestion>, kQuestionSplits.size()> still_questions(
    const StillWorld& still, const std::vector<StillScene>& scenes, Dice& dice) {
  std::array<std::vector<StillQuestion>, kQuestionSplits.size()> questions;
  const std::set<int> popular = popular_objects(still);
  for (size_t s = 0; s < scenes.size(); ++s) {
    const StillScene& scene = scenes[s];
    std::vector<int> drawn, absent;
    std::set<int> groups;
    for (const StillKind& kind : scene.drawn)
      drawn.push_back(kind.object), groups.insert(still.group[kind.object]);
    for (int object = 0; object < static_cast<int>(still.objects()); ++object) {
      if (std::ranges::find(drawn, object) == drawn.end()) absent.push_back(object);
    }
    shuffle(drawn, dice), shuffle(absent, dice);
    drawn.resize(std::min({drawn.size(), kAsked, absent.size()}));
    const std::set<int> missing(scene.missing.begin(), scene.missing.end());
    for (size_t k = 0; k < kQuestionSplits.size(); ++k) {
      std::vector<int> order = absent;
      if (kQuestionSplits[k] == QuestionSplit::kPopular)
        std::ranges::stable_sort(order, {}, [&](int object) { return !popular.contains(object); });
      if (kQuestionSplits[k] == QuestionSplit::kAdversarial)
        std::ranges::stable_sort(order, {}, [&](int object) {
          return std::pair(!missing.contains(object), !groups.contains(still.group[object]));
        });
      for (const int object : drawn) questions[k].push_back({s, object, true});
      for (size_t i = 0; i < drawn.size(); ++i) questions[k].push_back({s, order[i], false});
    }
  }
  return questions;
}

std::string question_text(const StillWorld& still, int object) {
  std::string text = still.words.is_there;
  replace(text, "{a}", still.world.objects.at(object).article);
  replace(text, "{object}", still.name(object));
  return text;
}

}  // namespace reel::world
