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

/// Whether edits that have a fused form use it. kExplicit is for comparing the two.
enum class MapForm { kFused, kExplicit };

/// Runs attention, with the edits of a plan applied. One per run: edits may keep state in it. Where no edit
/// of a site and step needs logits or probabilities, or all that do have a fused form, no map exists in
/// memory; otherwise the explicit path forms the map of the selected rows and heads in blocks of at most
/// `map_bytes`.
class Processor {
 public:
  explicit Processor(const EditPlan& plan = {}, int64_t map_bytes = int64_t{256} << 20,
                     MapForm form = MapForm::kFused);
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
  using Matches = std::vector<Match*>;
  using Heads = std::vector<int64_t>;  // which of the site's heads a call has, in its order; empty: all
  at::Tensor run(Call& call, const Matches& matches, const Heads& scope);
  void change_inputs(Call& call, const Matches& matches, const Heads& scope);
  at::Tensor attend_with_maps(const Call& call, const Matches& matches, const Heads& scope);
  at::Tensor attend_explicitly(const Call& call, const Matches& matches, const Heads& scope);
  std::optional<FrameMapEdit> fuse(const Call& call, const Matches& matches, const Heads& scope);
  std::vector<Match>& matches_at(const Site& site);

  int64_t map_bytes_;
  MapForm form_;
  std::vector<std::shared_ptr<Active>> edits_;
  std::map<std::string, std::vector<Match>> sites_;  // by path, resolved on first use
};

/// Which sites each rule of the plan would match; needs no run. Throws as Selector::heads_of does.
std::vector<EditReport> dry_run(const EditPlan& plan, const std::vector<Site>& sites);

}  // namespace reel::attention
