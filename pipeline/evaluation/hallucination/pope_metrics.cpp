#include "pipeline/evaluation/hallucination/pope_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reel::evaluation {
namespace {

using Answers = std::vector<AnsweredQuestion>;
using ByPicture = std::vector<Answers>;

}  // namespace

std::vector<UnitMetric> pope_metrics(const std::vector<AnsweredQuestion>& answers, size_t pictures) {
  const auto by_picture = std::make_shared<ByPicture>(pictures);
  for (const AnsweredQuestion& answer : answers) by_picture->at(answer.picture).push_back(answer);
  // Those that `of` holds for, and of these the ones that `right` holds for.
  const auto share = [&](const char* key, const char* label, auto right, auto of) {
    return UnitMetric{key, label, 1, 3, [by_picture, right, of](size_t picture) {
                        world::Cluster cluster;
                        for (const AnsweredQuestion& one : by_picture->at(picture)) {
                          if (!of(one)) continue;
                          ++cluster.trials, cluster.successes += right(one);
                        }
                        return cluster;
                      }};
  };
  const auto value = [&](const char* key, const char* label, auto compute) {
    return UnitMetric{key, label, 1, 3, {}, [by_picture, compute](std::span<const size_t> units) {
                        Answers chosen;
                        for (const size_t picture : units)
                          chosen.insert(chosen.end(), (*by_picture)[picture].begin(),
                                        (*by_picture)[picture].end());
                        return compute(chosen);
                      }};
  };
  const auto every = [](const AnsweredQuestion&) { return true; };
  const auto said = [](const AnsweredQuestion& one) { return one.answer; };
  const auto there = [](const AnsweredQuestion& one) { return one.truth; };
  std::vector<UnitMetric> metrics = {
      share(
          "accuracy", "accuracy", [](const auto& one) { return one.truth == one.answer; }, every),
      share("precision", "precision (of yes)", there, said),
      share("recall", "recall (of what is there)", said, there),
      value("f1", "F1",
            [](const Answers& chosen) {
              double hits = 0, both = 0;
              for (const AnsweredQuestion& one : chosen)
                hits += one.truth && one.answer, both += double(one.truth) + double(one.answer);
              return both > 0 ? 2 * hits / both : 0;
            }),
      share("yes_ratio", "yes ratio", said, every)};
  if (std::ranges::all_of(answers, [](const auto& one) { return std::isfinite(one.margin); })) {
    metrics.push_back(value("auc", "AUC (margin of yes and no)", [](const Answers& chosen) {
      std::vector<bool> truth;
      std::vector<double> margins;
      for (const AnsweredQuestion& one : chosen) truth.push_back(one.truth), margins.push_back(one.margin);
      return area_under_curve(truth, margins).value_or(std::numeric_limits<double>::quiet_NaN());
    }));
  }
  return metrics;
}

}  // namespace reel::evaluation
