// The interface of an attention edit.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "attention/call.h"
#include "attention/partial.h"
#include "attention/selector.h"

namespace reel::attention {

class FrameMapForm;

/// Which of its functions an edit overrides, and what they need. An edit that has neither `logits` nor
/// `probs` leaves attention fused.
struct Hooks {
  bool inputs = false, logits = false, probs = false, attend = false;
  bool whole_map = false;      // logits or probs must hold all rows, heads, sequences and queries of the call
  bool relates_rows = false;   // reads one row to change another: all selected rows must be in one call
  bool relates_heads = false;  // the same of heads
  bool fast = false;        // `attend` is a fast form of `logits` and `probs`: the same result without a map
  bool capturable = false;  // the hooks work on the device alone: a CUDA graph of them can be replayed
  /// Sees what it is shown and changes nothing. Calls are computed as if the edit were absent, down to the last bit;
  /// its hooks are given copies, as the rules before it in the plan leave them (attention/processing/observer.h).
  bool observes = false;
};

/// What an edit needs beside the call's own tensors; the model provides it, or the plan is refused.
struct Needs {
  bool hidden = false;      // Call::hidden, the residual stream entering the layer
  bool bare_row = false;    // a second row of each sequence that lacks the picture (conditional = false)
  bool tower_maps = false;  // the attention maps of the vision tower
};

/// The rest of the computation, as an edit that wraps it sees it. It may be called several times, with other
/// keys each; Call::wants_lse asks for what joins the results.
using Attend = std::function<Partial(Call&)>;

/// What an edit did, by name, for the run's report ("maps": 12, "bytes": 4096, ...).
using EditFacts = std::map<std::string, double>;

/// Tensors that an edit gathered, and the file that its user asked for. Edits touch no files: the caller of
/// the run writes it.
struct Recording {
  std::string file;
  std::map<std::string, at::Tensor> tensors;
};

/// One instance serves one run: it may keep state between calls, within the memory budget it states. The
/// processor shows it only the selected sites, steps, rows and heads, each once: R and heads below count the
/// selected ones.
class Edit {
 public:
  virtual ~Edit() = default;
  virtual Hooks hooks() const = 0;
  virtual Needs needs() const { return {}; }
  /// Whether there is anything to do at a selected site or step; if not, attention runs as if it were not
  /// selected.
  virtual bool applies_to(const Site&) const { return true; }
  virtual bool applies_at(const Step&) const { return true; }
  virtual void begin_step(const Step&) {}

  /// May replace positions, scale, visible, bias, q, k, v (q of the same shape; k and v may have other keys);
  /// must not write into the tensors that are there. Runs before rotary embedding and before keys are cached.
  virtual void on_inputs(Call&) {}
  /// logits [R, G, heads, Nq, Nk] f32, in place. Without hooks().whole_map, a block of rows, heads, sequences
  /// or queries.
  virtual void on_logits(const Call&, at::Tensor& /*logits*/) {}
  /// probs [R, G, heads, Nq, Nk] f32, in place; rows sum to one before the first edit.
  virtual void on_probs(const Call&, at::Tensor& /*probs*/) {}
  /// Wraps or replaces attention itself: `next` computes it, with the edits behind this one. Calls `next`
  /// with Call::wants_lse if it needs the log-sum-exp (columns, merge), and returns a log-sum-exp if its own
  /// caller wants one. With hooks().fast, this is what on_logits and on_probs define; it serves if no other
  /// edit of the same rows and heads needs the map.
  virtual Partial attend(Call& call, const Attend& next) { return next(call); }
  /// How the kernels of attention along frames do what on_logits and on_probs define; null: they cannot.
  virtual FrameMapForm* frame_form() { return nullptr; }

  /// The life of a request (a language model's). A fork begins as a copy: beams, several answers.
  virtual void begin(const Sequence&) {}
  virtual void fork(const Sequence& /*from*/, const Sequence& /*to*/) {}
  virtual void end(const Sequence&) {}
  /// After the last step.
  virtual void finish() {}
  virtual Recording recording() const { return {}; }
  virtual EditFacts facts() const { return {}; }
};

/// One edit of a run: where it applies and how its instance is made. `text` is what the user would type.
struct EditRule {
  std::string text, name;
  Selector where;
  std::function<std::unique_ptr<Edit>()> make;
};
using EditPlan = std::vector<EditRule>;

}  // namespace reel::attention
