// The one door through which every attention call of every model goes; edits attach only here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attention/edit.h"
#include "attention/partition.h"

namespace reel::attention {

/// What became of one rule during a run.
struct EditReport {
  std::string edit;                // as the user would type it
  std::vector<std::string> sites;  // that matched, in order of execution
  int64_t calls = 0;               // attention calls that it took part in
  std::string path;                // "fused", "explicit", or "" if it never ran
  EditFacts facts;
};

/// Whether edits that have a fast form use it. kExplicit is for comparing the two.
enum class MapForm { kFused, kExplicit };

/// Runs attention, with the edits of a plan applied. One per run: edits may keep state in it.
///
/// A call is cut once into parts, rows x heads with the same edits; below that each edit sees all of its
/// call, and each of its hooks runs once. The order: `on_inputs`; keys are turned to their positions and
/// cached; `attend`, the first rule outermost; queries (and keys without a cache) are turned; then logits,
/// softmax, probabilities. A map is formed only if some edit of this part needs logits or probabilities and has
/// no fast form, and then in blocks within `map_bytes` (explicit_attention.h). Parts without an edit give the
/// bits of an unedited run, and so does a plan with further edits that only look (Hooks::observes).
class Processor {
 public:
  explicit Processor(const EditPlan& plan = {}, int64_t map_bytes = int64_t{256} << 20,
                     MapForm form = MapForm::kFused);
  ~Processor();
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;

  /// Called by the sampling loop before each step (all model calls of a step share it).
  void begin_step(const Step& step);

  /// softmax(scale q k^T + mask) v, edited. Returns [R, G, heads, Nq, d] in the dtype of q.
  /// Throws: std::runtime_error when an edit needs a map larger than the budget; std::invalid_argument for edits
  /// that are in each other's way.
  at::Tensor attend(Call call);

  /// The life of a request, for edits that keep what they know of it.
  void begin(const Sequence& sequence);
  void fork(const Sequence& from, const Sequence& to);
  void end(const Sequence& sequence);

  /// After the last step: tells the edits that the run is over.
  void finish();

  /// Whether a CUDA graph of the calls can be replayed: every edit works on the device alone.
  bool capturable() const;

  std::vector<EditReport> report() const;
  /// What edits gathered, for those that gathered something.
  std::vector<Recording> recordings() const;

 private:
  friend class Observer;  // has a processor that runs beside this one
  Processor(const EditPlan& plan, int64_t map_bytes, MapForm form, bool observers_beside);
  /// Whether any edit acts on the call. Notes the site as met.
  bool acts_on(const Call& call);

  struct Active;   // an edit with the rule it came from
  struct Match;    // an edit at one site: its selected heads
  struct AtSite;   // the matches of a site, and the parts of the calls seen there
  struct Working;  // a part of a call while it is computed
  using Matches = std::vector<Match*>;
  AtSite& at_site(const Site& site);
  static void refuse_splits(const Site& site, const std::vector<Claim>& claims, const Matches& matches);
  bool find_parts(AtSite& here, const Call& call);
  void prepare(std::vector<Working>& parts, const Call& whole);
  static void change_inputs(Call& call, const Matches& matches);
  Partial run(Call& call, const Matches& matches);
  Partial with_maps(const Call& call, const Matches& matches);
  Partial explicitly(const Call& call, const Matches& of_maps);

  int64_t map_bytes_;
  MapForm form_;
  std::vector<std::shared_ptr<Active>> edits_;
  std::vector<std::vector<std::unique_ptr<AtSite>>>
      sites_;  // by Site::block; of several networks: a few each
};

}  // namespace reel::attention
