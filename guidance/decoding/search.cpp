#include "guidance/decoding/search.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

#include "guidance/decoding/beam_search.h"
#include "guidance/decoding/token_scores.h"

namespace reel::guidance {
namespace {

/// One row: the most likely token, a drawn one, or the one that is given.
class SingleSearch : public Search {
 public:
  SingleSearch(SearchRequest request, const DecodeSettings& settings)
      : request_(std::move(request)), settings_(settings), generator_(request_.seed), ids_(request_.prompt) {
    if (!request_.forced.empty())
      request_.room = std::min(request_.room, static_cast<int64_t>(request_.forced.size()));
  }

  int64_t rows() const override { return 1; }

  std::vector<Next> advance(const at::Tensor& logits) override {
    const at::Tensor row = logits[0];
    if (request_.keep_logits) logits_.push_back(row.clone());
    const int64_t token = choose(row);
    text_.ids.push_back(token), ids_.push_back(token);
    const bool stops = request_.forced.empty() &&
                       std::find(settings_.eos.begin(), settings_.eos.end(), token) != settings_.eos.end();
    if (stops) text_.reason = FinishReason::kStop;
    if (stops || static_cast<int64_t>(text_.ids.size()) >= request_.room) return {};
    return {{0, token}};
  }

  int64_t last() const override { return ids_.back(); }
  void stop() override { text_.reason = FinishReason::kText; }

  DecodedText result() override {
    if (!logits_.empty()) text_.logits = at::stack(logits_);
    return std::move(text_);
  }

 private:
  int64_t choose(const at::Tensor& row) {
    if (!request_.forced.empty()) return request_.forced[text_.ids.size()];
    const at::Tensor scores = processed_scores(row, ids_, settings_);
    return settings_.temperature > 0 ? drawn(scores, generator_) : most_likely(scores);
  }

  SearchRequest request_;
  const DecodeSettings settings_;
  std::mt19937_64 generator_;
  std::vector<int64_t> ids_;  // prompt and text
  std::vector<at::Tensor> logits_;
  DecodedText text_;
};

}  // namespace

std::unique_ptr<Search> make_search(SearchRequest request, const DecodeSettings& settings) {
  settings.check();
  if (settings.num_beams > 1 && request.forced.empty()) return make_beam_search(std::move(request), settings);
  return std::make_unique<SingleSearch>(std::move(request), settings);
}

}  // namespace reel::guidance
