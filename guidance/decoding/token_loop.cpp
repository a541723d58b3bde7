#include "guidance/decoding/token_loop.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <list>
#include <map>

namespace reel::guidance {
namespace {

/// A request in the batch. Its rows are sequences of the caches.
struct Group {
  size_t number;
  std::unique_ptr<Search> search;
  std::vector<std::unique_ptr<Sequence>> rows;
  std::vector<int64_t> tokens;  // that the rows continue with
  int64_t position_shift;
  models::EmbeddedPrompt prompt;  // until it is read
};

class Loop {
 public:
  Loop(const models::LanguageModel& model, const DecodeSettings& settings, const DecodeBatch& batch,
       attention::Processor& attend, const DecodeCallbacks& callbacks)
      : model_(model),
        settings_(settings),
        batch_(batch),
        attend_(attend),
        callbacks_(callbacks),
        caches_(model.layers()) {
    settings_.check();
  }

  void run() {
    for (;;) {
      std::list<Group> entered = newcomers();
      if (entered.empty() && groups_.empty()) break;
      read_prompts(std::move(entered));
      if (!groups_.empty()) step();  // texts of one token have ended already
    }
    attend_.finish();
  }

 private:
  int64_t rows_in_use() const {
    int64_t rows = 0;
    for (const Group& group : groups_) rows += group.search->rows();
    return rows;
  }

  /// Requests for the rows that are free.
  std::list<Group> newcomers() {
    std::list<Group> entered;
    int64_t rows = rows_in_use();
    const int64_t of_request = settings_.num_beams;
    while (rows == 0 || rows + of_request <= batch_.rows) {
      std::optional<DecodeRequest> request = callbacks_.next();
      if (!request) break;
      const int64_t tokens = request->prompt.embedded.size(1);
      auto sequence = std::make_unique<Sequence>();
      sequence->id = next_id_++, sequence->images = request->prompt.images, sequence->prompt_tokens = tokens;
      Group group{.number = count_++,
                  .search = make_search({.prompt = std::move(request->ids),
                                         .room = room(*request, tokens),
                                         .seed = request->seed,
                                         .forced = std::move(request->forced),
                                         .keep_logits = batch_.keep_logits},
                                        settings_),
                  .rows = {},
                  .tokens = {},
                  .position_shift = request->prompt.position_shift,
                  .prompt = std::move(request->prompt)};
      group.rows.push_back(std::move(sequence));
      attend_.begin(*group.rows.front());
      rows += group.search->rows();
      entered.push_back(std::move(group));
    }
    return entered;
  }

  /// Tokens that a text may have. One that is given has its own number, as far as the model takes them.
  int64_t room(const DecodeRequest& request, int64_t tokens) const {
    DecodeSettings settings = settings_;
    if (!request.forced.empty()) settings.max_new_tokens = static_cast<int64_t>(request.forced.size());
    return settings.room(tokens, model_.max_tokens());
  }

  /// Reads the prompts of new requests, those of equal length together.
  void read_prompts(std::list<Group> entered) {
    while (!entered.empty()) {
      std::list<Group> together;
      const int64_t tokens = entered.front().prompt.embedded.size(1);
      const auto most =
          static_cast<size_t>(std::max<int64_t>(1, batch_.prompt_tokens / std::max<int64_t>(1, tokens)));
      for (auto it = entered.begin(); it != entered.end() && together.size() < most;) {
        const auto here = it++;
        if (here->prompt.embedded.size(1) == tokens) together.splice(together.end(), entered, here);
      }
      read(std::move(together));
    }
  }

  void read(std::list<Group> together) {
    std::vector<at::Tensor> embedded, positions;
    std::vector<Row> rows;
    for (Group& group : together) {
      embedded.push_back(group.prompt.embedded), positions.push_back(group.prompt.positions);
      rows.push_back({.sequence = group.rows.front().get()});
      group.prompt = {};
    }
    const at::Tensor hidden = forward(at::cat(embedded), rows, at::cat(positions), {.index = 0, .count = 2});
    embedded.clear();
    const auto first = groups_.insert(groups_.end(), std::make_move_iterator(together.begin()),
                                      std::make_move_iterator(together.end()));
    advance(first, groups_.end(), model_.logits(hidden.narrow(1, hidden.size(1) - 1, 1)));
  }

  /// The next token of every row.
  void step() {
    std::vector<Row> rows;
    std::vector<int64_t> tokens;
    std::vector<float> places;
    for (const Group& group : groups_) {
      for (size_t r = 0; r < group.rows.size(); ++r) {
        rows.push_back({.sequence = group.rows[r].get()});
        tokens.push_back(group.tokens[r]);
        places.push_back(static_cast<float>(caches_.length(group.rows[r]->id) + group.position_shift));
      }
    }
    const auto count = static_cast<int64_t>(rows.size());
    const at::Tensor positions =
        at::tensor(places).view({count, 1, 1}).expand({count, 1, model_.position_axes()});
    const at::Tensor embedded = model_.embed(at::tensor(tokens, at::kLong).view({count, 1}));
    const at::Tensor hidden = forward(embedded, rows, positions, {.index = 1, .count = 2});
    advance(groups_.begin(), groups_.end(), model_.logits(hidden));
  }

  at::Tensor forward(const at::Tensor& embedded, const std::vector<Row>& rows, const at::Tensor& positions,
                     const Step& step) {
    attend_.begin_step(step);
    return model_.forward(embedded, {.rows = rows, .positions = positions, .caches = &caches_, .step = step},
                          attend_);
  }

  /// Lets the groups from `first` to `last` choose by logits [R, 1, V] of their rows; finished ones leave.
  void advance(std::list<Group>::iterator first, std::list<Group>::iterator last, const at::Tensor& logits) {
    const at::Tensor on_host = logits.squeeze(1).to(at::kCPU, at::kFloat);
    int64_t row = 0;
    for (auto it = first; it != last;) {
      Group& group = *it;
      const auto count = static_cast<int64_t>(group.rows.size());
      const std::vector<Search::Next> next = group.search->advance(on_host.narrow(0, row, count));
      row += count;
      const bool goes_on = tell(group, next);
      if (goes_on) {
        follow(group, next);
        ++it;
        continue;
      }
      for (const auto& sequence : group.rows) forget(*sequence);
      DecodedText text = group.search->result();
      const size_t number = group.number;
      it = groups_.erase(it);
      if (callbacks_.on_done) callbacks_.on_done(number, std::move(text));
    }
  }

  /// Tells the listener of a new token. Returns whether the text goes on.
  bool tell(Group& group, const std::vector<Search::Next>& next) {
    if (!callbacks_.on_token || group.search->rows() > 1) return !next.empty();
    const int64_t token = group.search->last();
    if (callbacks_.on_token(group.number, token) || next.empty()) return !next.empty();
    group.search->stop();
    return false;
  }

  /// Lets the group's rows be those that go on: the first that continues a row keeps its sequence, further ones fork it.
  void follow(Group& group, const std::vector<Search::Next>& next) {
    std::vector<std::unique_ptr<Sequence>> rows(next.size());
    std::vector<std::pair<size_t, size_t>> forks;  // of the new row from another new one
    std::map<size_t, size_t> keeper;               // of an old row's sequence
    group.tokens.clear();
    for (size_t r = 0; r < next.size(); ++r) {
      group.tokens.push_back(next[r].token);
      const auto [kept, first] = keeper.emplace(next[r].parent, r);
      if (first)
        rows[r] = std::move(group.rows[next[r].parent]);
      else
        forks.emplace_back(r, kept->second);
    }
    for (const auto& sequence : group.rows) {
      if (sequence) forget(*sequence);
    }
    for (const auto& [r, from] : forks) {
      rows[r] = std::make_unique<Sequence>(*rows[from]);
      rows[r]->id = next_id_++;
      caches_.fork(rows[from]->id, rows[r]->id);
      attend_.fork(*rows[from], *rows[r]);
    }
    group.rows = std::move(rows);
  }

  void forget(const Sequence& sequence) {
    caches_.drop(sequence.id);
    attend_.end(sequence);
  }

  const models::LanguageModel& model_;
  const DecodeSettings settings_;
  const DecodeBatch batch_;
  attention::Processor& attend_;
  const DecodeCallbacks& callbacks_;
  models::LayerCaches caches_;
  std::list<Group> groups_;
  size_t count_ = 0;      // of requests so far
  uint64_t next_id_ = 1;  // of sequences
};

}  // namespace

void decode(const models::LanguageModel& model, const DecodeSettings& settings, const DecodeBatch& batch,
            attention::Processor& attend, const DecodeCallbacks& callbacks) {
  const c10::InferenceMode no_gradients;
  Loop(model, settings, batch, attend, callbacks).run();
}

std::vector<DecodedText> decode_all(const models::LanguageModel& model, const DecodeSettings& settings,
                                    const DecodeBatch& batch, attention::Processor& attend,
                                    std::vector<DecodeRequest> requests) {
  std::vector<DecodedText> texts(requests.size());
  size_t taken = 0;
  decode(model, settings, batch, attend,
         {.next = [&]() -> std::optional<DecodeRequest> {
            if (taken == requests.size()) return std::nullopt;
            return std::move(requests[taken++]);
          },
          .on_done = [&](size_t request, DecodedText text) { texts[request] = std::move(text); }});
  return texts;
}

}  // namespace reel::guidance
