#include "pipeline/evaluation/hallucination/chair.h"

namespace reel::evaluation {

std::vector<std::string> invented(const CaptionObjects& caption) {
  std::vector<std::string> names;
  for (const std::string& name : caption.mentions) {
    if (!caption.truth.contains(name)) names.push_back(name);
  }
  return names;
}

ChairScore chair_score(const std::vector<CaptionObjects>& captions) {
  ChairScore score{.captions = int64_t(captions.size())};
  double mentions = 0, wrong = 0, wrong_captions = 0, named = 0, named_true = 0, truth = 0, words = 0;
  for (const CaptionObjects& caption : captions) {
    const std::set<std::string> different(caption.mentions.begin(), caption.mentions.end());
    const auto bad = invented(caption);
    mentions += double(caption.mentions.size()), wrong += double(bad.size());
    wrong_captions += !bad.empty();
    named += double(different.size()), truth += double(caption.truth.size());
    for (const std::string& name : different) named_true += caption.truth.contains(name);
    words += double(caption.words);
  }
  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
  score.chair_i = share(wrong, mentions), score.chair_s = share(wrong_captions, double(captions.size()));
  score.recall = share(named_true, truth), score.precision = share(named_true, named);
  score.length = share(words, double(captions.size()));
  return score;
}

}  // namespace reel::evaluation
