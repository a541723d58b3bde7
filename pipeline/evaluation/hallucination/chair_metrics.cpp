#include "pipeline/evaluation/hallucination/chair_metrics.h"

#include <algorithm>

namespace reel::evaluation {
namespace {

int64_t size_of(const auto& all) { return static_cast<int64_t>(all.size()); }

/// Different objects that a caption names, and those of them that are there.
world::Cluster named(const CaptionObjects& caption) {
  const std::set<std::string> different(caption.mentions.begin(), caption.mentions.end());
  return {std::ranges::count_if(different, [&](const auto& name) { return caption.truth.contains(name); }),
          size_of(different)};
}

}  // namespace

std::vector<UnitMetric> chair_metrics(std::shared_ptr<const std::vector<ScoredCaption>> captions) {
  const auto share = [&](const char* key, const char* label, auto count) {
    return UnitMetric{key, label, 1, 3,
                      [captions, count](size_t unit) { return world::Cluster(count(captions->at(unit))); }};
  };
  const auto value = [&](const char* key, const char* label, int digits, auto compute) {
    return UnitMetric{
        key, label,
        1,   digits,
        {},  [captions, compute](std::span<const size_t> units) {
                        return compute(*captions, units); }};
  };
  std::vector<UnitMetric> metrics = {
      share("chair_i", "CHAIR_i (invented of mentions)",
            [](const ScoredCaption& one) {
              return world::Cluster{size_of(invented(one.objects)), size_of(one.objects.mentions)};
            }),
      share("chair_s", "CHAIR_s (captions that invent)",
            [](const ScoredCaption& one) {
              return world::Cluster{invented(one.objects).empty() ? 0 : 1, 1};
            }),
      share("recall", "recall (of what is there)",
            [](const ScoredCaption& one) {
              return world::Cluster{named(one.objects).successes, size_of(one.objects.truth)};
            }),
      share("precision", "precision (of what is named)",
            [](const ScoredCaption& one) { return named(one.objects); }),
      value("f1", "F1 of these two", 3,
            [](const std::vector<ScoredCaption>& all, std::span<const size_t> units) {
              double hits = 0, both = 0;  // F1 = 2 hits / (named + there)
              for (const size_t unit : units) {
                const world::Cluster found = named(all[unit].objects);
                hits += double(found.successes);
                both += double(found.trials + size_of(all[unit].objects.truth));
              }
              return both > 0 ? 2 * hits / both : 0;
            }),
      value("length", "length, words", 2,
            [](const std::vector<ScoredCaption>& all, std::span<const size_t> units) {
              double words = 0;
              for (const size_t unit : units) words += double(all[unit].objects.words);
              return words / double(units.size());
            })};
  if (std::ranges::any_of(*captions, [](const auto& one) { return !one.expected.empty(); })) {
    metrics.push_back(
        share("expected", "expected partners of what is invented", [](const ScoredCaption& one) {
          const std::vector<std::string> wrong = invented(one.objects);
          return world::Cluster{
              std::ranges::count_if(wrong, [&](const auto& name) { return one.expected.contains(name); }),
              size_of(wrong)};
        }));
  }
  return metrics;
}

}  // namespace reel::evaluation
