// The one door through which every attention call of every model goes; edits attach only here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "attention/edit.h"
#include "attention/fused_attention.h"

namespace reel::attention {

/// What became of one rule during a run.
struct EditReport {
  std::string edit;                // as the user would type it
  std::vector<std::string> sites;  // that matched, in order of execution
  int64_t calls = 0;               // attention calls that it took part in
  std::string path;                // "fused", "explicit", or "" if it never ran
  EditFacts facts;
};

/// Runs attention, with the edits of a plan applied. One per run: edits may keep state in it. Where no edit
/// of a site and step needs logits or probabilities, attention is fused and no map exists; otherwise the
/// explicit path forms the map in blocks of at most `map_bytes`.
class Processor {
 public:
  explicit Processor(const EditPlan& plan = {}, int64_t map_bytes = int64_t{256} << 20);
  ~Processor();
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;

  /// Called by the sampling loop before each step (all model calls of a step share it).
  void begin_step(const Step& step);

  /// softmax(scale q k^T + bias) v, edited. Returns [R, G, heads, Nq, d] in the dtype of q.
  /// Throws: std::runtime_error when an edit needs a map larger than the budget.
  at::Tensor attend(Call call);

  /// After the last step: tells the edits that the run is over.
  void finish();

  std::vector<EditReport> report() const;
  /// What edits gathered, for those that gathered something.
  std::vector<Recording> recordings() const;

 private:
  struct Active;  // an edit with the rule it came from
  struct Match;   // an edit at one site: its selected heads
  at::Tensor run(Call& call, const std::vector<Match*>& matches, const std::vector<int64_t>& scope);
  std::vector<Match>& matches_at(const Site& site);

  int64_t map_bytes_;
  std::vector<std::shared_ptr<Active>> edits_;
  std::map<std::string, std::vector<Match>> sites_;  // by path, resolved on first use
};

/// Which sites each rule of the plan would match; needs no run. Throws as Selector::heads_of does.
std::vector<EditReport> dry_run(const EditPlan& plan, const std::vector<Site>& sites);

}  // namespace reel::attention
