#include "pipeline/evaluation/hallucination/pope_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reel::evaluation {
namespace {

using Answers = std::vector<AnsweredQuestion>;
using ByPicture = std::vector<Answers>;

/// area_under_curve of the questions of some pictures, which may come several times. The questions are sorted once, and
/// not again for each resample.
class RepeatedCurve {
 public:
  RepeatedCurve(Answers answers, size_t pictures) : sorted_(std::move(answers)), pictures_(pictures) {
    std::ranges::sort(sorted_, {}, &AnsweredQuestion::margin);
  }

  double operator()(std::span<const size_t> units) const {
    std::vector<double> times(pictures_);
    for (const size_t picture : units) ++times[picture];
    double positives = 0, negatives = 0, won = 0;  // pairs in which the positive one has the larger margin
    for (size_t begin = 0; begin < sorted_.size();) {
      double yes = 0, no = 0;  // of equal margins
      for (const double margin = sorted_[begin].margin;
           begin < sorted_.size() && sorted_[begin].margin == margin; ++begin)
        (sorted_[begin].truth ? yes : no) += times[sorted_[begin].picture];
      won += yes * (negatives + no / 2);
      positives += yes, negatives += no;
    }
    if (positives == 0 || negatives == 0) return std::numeric_limits<double>::quiet_NaN();
    return won / (positives * negatives);
  }

 private:
  Answers sorted_;
  size_t pictures_;
};

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
  const auto value = [](const char* key, const char* label, auto compute) {
    return UnitMetric{key, label, 1, 3, {}, compute};
  };
  const auto every = [](const AnsweredQuestion&) { return true; };
  const auto said = [](const AnsweredQuestion& one) { return one.answer; };
  const auto there = [](const AnsweredQuestion& one) { return one.truth; };
  const auto f1 = [by_picture](std::span<const size_t> units) {
    double hits = 0, both = 0;
    for (const size_t picture : units) {
      for (const AnsweredQuestion& one : (*by_picture)[picture])
        hits += one.truth && one.answer, both += double(one.truth) + double(one.answer);
    }
    return both > 0 ? 2 * hits / both : 0;
  };
  std::vector<UnitMetric> metrics = {
      share(
          "accuracy", "accuracy", [](const auto& one) { return one.truth == one.answer; }, every),
      share("precision", "precision (of yes)", there, said),
      share("recall", "recall (of what is there)", said, there), value("f1", "F1", f1),
      share("yes_ratio", "yes ratio", said, every)};
  if (std::ranges::all_of(answers, [](const auto& one) { return std::isfinite(one.margin); }))
    metrics.push_back(value("auc", "AUC (margin of yes and no)", RepeatedCurve(answers, pictures)));
  return metrics;
}

}  // namespace reel::evaluation
