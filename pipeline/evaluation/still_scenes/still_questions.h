// Yes-or-no questions about still scenes, in POPE's three kinds.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "pipeline/evaluation/still_scenes/still_scene.h"

namespace reel::world {

/// How the objects that are not there are chosen. Random: any. Popular: of the twelve that are drawn most often, if they
/// are not there. Adversarial: missing partners first, then objects of the groups that are there.
/// Source: POPE (2305.10355), with the planted pairs in place of co-occurrence in annotations.
enum class QuestionSplit { kRandom, kPopular, kAdversarial };
constexpr std::array kQuestionSplits = {QuestionSplit::kRandom, QuestionSplit::kPopular,
                                        QuestionSplit::kAdversarial};
std::string name_of(QuestionSplit split);

struct StillQuestion {
  size_t scene = 0;
  int object = 0;
  bool yes = false;  // whether it is drawn
};

/// Of every scene at most two objects that are drawn, and as many that are not. All splits ask for the same drawn ones.
/// In the order of kQuestionSplits.
std::array<std::vector<StillQuestion>, kQuestionSplits.size()> still_questions(
    const StillWorld& still, const std::vector<StillScene>& scenes, Dice& dice);

/// "Is there an owl in the image?"
std::string question_text(const StillWorld& still, int object);

}  // namespace reel::world
