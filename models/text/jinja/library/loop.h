// `loop` inside of a for loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// Gives a loop's elements and tells the body where it is. It looks one element ahead when it is asked whether this is
/// the last one.
class Loop : public Callable, public std::enable_shared_from_this<Loop> {
 public:
  /// `source`: what is gone through; `sized`: its length is that of the loop (there is no filter).
  Loop(Value source, Cursor next, bool sized, Machine& machine);

  /// The next element; none at the end.
  std::optional<Value> advance();
  /// To be called when the loop is left: it may live on in a namespace, and what it goes through may not.
  void finish();
  /// `loop.first` and the others; none if there is no such attribute.
  std::optional<Value> attribute(const std::string& name);

  std::string type_name() const override { return "LoopContext"; }
  Extent extent() const override;
  std::string repr(Budget& budget) const override;
  /// Throws: Fault kType: only recursive loops are called.
  Value call(Machine& machine, const CallArguments& arguments) override;
  bool changed(const Value& value);

 private:
  int64_t length();
  const std::optional<Value>& peek();

  Value source_;
  Cursor next_;
  bool sized_, ended_ = false;
  Machine& machine_;
  int64_t index_ = -1;  // from 0
  std::optional<int64_t> length_;
  std::optional<Value> current_, before_, after_, last_changed_;
};

}  // namespace reel::models::jinja
