// Stands in a processor for an edit that only looks.
#pragma once

#include <memory>

#include "attention/processor.h"

namespace reel::attention {

/// An edit that sees maps and changes nothing (Hooks::observes). It has a processor of its own with the rules that
/// stand before it, in instances of their own: that one attends copies of the calls, and what it computes is
/// dropped. So the run beside it stays as it is, and the edit sees what those rules make of each call, as if no
/// rule stood behind it.
///
/// To the processor of the run this is an edit without hooks, which passes on the life of the run.
class Observer : public Edit {
 public:
  /// `before`: the rules in front of `rule`, in order.
  Observer(const EditPlan& before, const EditRule& rule, int64_t map_bytes, MapForm form);
  ~Observer() override;

  /// Shows a call that is still as the model made it; before the run's own processor computes it.
  void show(const Call& call);
  /// What became of the edit.
  EditReport report() const;

  Hooks hooks() const override { return {.capturable = beside_->capturable()}; }
  void begin_step(const Step& step) override { beside_->begin_step(step); }
  void begin(const Sequence& sequence) override { beside_->begin(sequence); }
  void fork(const Sequence& from, const Sequence& to) override { beside_->fork(from, to); }
  void end(const Sequence& sequence) override { beside_->end(sequence); }
  void finish() override { beside_->finish(); }
  Recording recording() const override;

 private:
  std::unique_ptr<Processor> beside_;  // the edit is its last
};

}  // namespace reel::attention
