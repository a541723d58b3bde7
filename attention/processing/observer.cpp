#include "attention/processing/observer.h"

#include "attention/key_values.h"
#include "attention/processing/processor_state.h"

namespace reel::attention {
namespace {

EditPlan joined(EditPlan plan, const EditRule& rule) {
  plan.push_back(rule);
  return plan;
}

}  // namespace

Observer::Observer(const EditPlan& before, const EditRule& rule, int64_t map_bytes, MapForm form)
    : beside_(new Processor(joined(before, rule), map_bytes, form, /*observers_beside=*/false)) {}

Observer::~Observer() = default;

void Observer::show(const Call& call) {
  // Rules in front of the edit may keep what they saw of calls that the edit does not select, so that the processor
  // beside is given every call on which any of its rules acts.
  if (!beside_->acts_on(call)) return;
  Call copy = call;
  std::unique_ptr<KeyValues> cache;
  if (call.cache) {
    // It appends keys as the run does, but to what it takes along: the run's cache gets each key once.
    cache = std::make_unique<KeyValues>(call.cache->copy_of(call.rows));
    copy.cache = cache.get();
  }
  beside_->attend(std::move(copy));
}

EditReport Observer::report() const { return beside_->report().back(); }

Recording Observer::recording() const { return beside_->edits_.back()->edit->recording(); }

}  // namespace reel::attention
