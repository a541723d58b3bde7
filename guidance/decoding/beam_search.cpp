#include "guidance/decoding/beam_search.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "guidance/decoding/token_scores.h"

namespace reel::guidance {
namespace {

constexpr float kOut = -1.0e9F;  // added to the score of what must not be chosen

struct Running {
  std::vector<int64_t> ids;
  float score = 0;  // sum of log-probabilities
};

struct Finished {
  std::vector<int64_t> ids;
  float score = kOut;  // divided by length to the power of the penalty
  bool done = false;   // otherwise a place that is not taken yet
};

struct Candidate {
  size_t parent;
  int64_t token;
  float score;
  bool ends;
};

class BeamSearch : public Search {
 public:
  BeamSearch(SearchRequest request, const DecodeSettings& settings)
      : request_(std::move(request)),
        settings_(settings),
        running_(1),
        finished_(static_cast<size_t>(settings.num_beams)) {}

  int64_t rows() const override { return settings_.num_beams; }

  std::vector<Next> advance(const at::Tensor& logits) override {
    const std::vector<Candidate> candidates = best_continuations(logits);
    ++length_;
    finish(candidates);
    std::vector<Next> next = go_on(candidates);
    const float possible =
        running_.front().score / static_cast<float>(std::pow(hoped_length(), settings_.length_penalty));
    hopeful_ = hopeful_ && better_than_any_place(possible);
    const bool all_end =
        std::all_of(candidates.begin(), candidates.end(), [](const Candidate& c) { return c.ends; });
    if (!hopeful_ || (full() && at_once()) || all_end) return {};
    return next;
  }

  // Beams have no text to listen to before the end.
  int64_t last() const override { return running_.front().ids.back(); }
  void stop() override {}

  DecodedText result() override {
    DecodedText text;
    text.ids = std::move(finished_.front().ids);
    text.reason = !text.ids.empty() && is_end(text.ids.back()) ? FinishReason::kStop : FinishReason::kLength;
    return text;
  }

 private:
  bool is_end(int64_t token) const {
    return std::find(settings_.eos.begin(), settings_.eos.end(), token) != settings_.eos.end();
  }
  bool at_once() const { return settings_.early_stopping == EarlyStopping::kAtOnce; }
  bool full() const {
    return std::all_of(finished_.begin(), finished_.end(), [](const Finished& f) { return f.done; });
  }

  /// The best continuations of all beams, best first: so many that enough are left if each beam ends.
  std::vector<Candidate> best_continuations(const at::Tensor& logits) const {
    const int64_t vocabulary = logits.size(1);
    at::Tensor scores = at::log_softmax(logits, -1);
    for (size_t r = 0; r < running_.size(); ++r) {
      std::vector<int64_t> ids = request_.prompt;
      ids.insert(ids.end(), running_[r].ids.begin(), running_[r].ids.end());
      const auto row = static_cast<int64_t>(r);
      scores[row].copy_(processed_scores(scores[row], ids, settings_) + running_[r].score);
    }
    const int64_t wanted =
        std::max<int64_t>(2, 1 + static_cast<int64_t>(settings_.eos.size())) * settings_.num_beams;
    const auto [best, places] = at::topk(scores.flatten(), std::min(wanted, scores.numel()));
    std::vector<Candidate> candidates;
    for (int64_t i = 0; i < best.numel(); ++i) {
      const auto place = places[i].item<int64_t>(), token = place % vocabulary;
      candidates.push_back({static_cast<size_t>(place / vocabulary), token, best[i].item<float>(),
                            is_end(token) || length_ + 1 >= request_.room});
    }
    return candidates;
  }

  std::vector<int64_t> ids_of(const Candidate& candidate) const {
    std::vector<int64_t> ids = running_[candidate.parent].ids;
    ids.push_back(candidate.token);
    return ids;
  }

  /// Keeps the best of the texts that were finished and those that end now. Only a continuation that is among the first
  /// num_beams may end a text: the others are there in case those do.
  void finish(const std::vector<Candidate>& candidates) {
    const bool closed = full() && at_once();
    const auto divisor = static_cast<float>(std::pow(double(length_), settings_.length_penalty));
    std::vector<Finished> all = finished_;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const bool ends = candidates[i].ends && i < finished_.size();
      float score = candidates[i].score / divisor;
      if (closed) score += kOut;
      if (!hopeful_) score += kOut;
      if (!ends) score += kOut;
      all.push_back({ids_of(candidates[i]), score, ends});
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Finished& a, const Finished& b) { return a.score > b.score; });
    std::copy_n(std::make_move_iterator(all.begin()), finished_.size(), finished_.begin());
  }

  /// The best continuations that do not end become the beams.
  std::vector<Next> go_on(std::vector<Candidate> candidates) {
    for (Candidate& candidate : candidates) candidate.score += candidate.ends ? kOut : 0;
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    candidates.resize(std::min(candidates.size(), finished_.size()));
    std::vector<Running> beams;
    std::vector<Next> next;
    for (const Candidate& candidate : candidates) {
      beams.push_back({ids_of(candidate), candidate.score});
      next.push_back({candidate.parent, candidate.token});
    }
    running_ = std::move(beams);
    return next;
  }

  /// The length at which a running beam is compared with the finished ones.
  double hoped_length() const {
    return settings_.early_stopping == EarlyStopping::kNever && settings_.length_penalty > 0
               ? double(request_.room)
               : double(length_);
  }

  bool better_than_any_place(float possible) const {
    float worst = finished_.front().score;
    for (const Finished& f : finished_) worst = std::min(worst, f.score);
    return std::any_of(finished_.begin(), finished_.end(),
                       [&](const Finished& f) { return possible > (f.done ? worst : kOut); });
  }

  SearchRequest request_;
  const DecodeSettings settings_;
  std::vector<Running> running_;
  std::vector<Finished> finished_;  // best first
  int64_t length_ = 0;              // tokens so far
  bool hopeful_ = true;             // whether a running beam may yet be better than a finished one
};

}  // namespace

std::unique_ptr<Search> make_beam_search(SearchRequest request, const DecodeSettings& settings) {
  return std::make_unique<BeamSearch>(std::move(request), settings);
}

}  // namespace reel::guidance
