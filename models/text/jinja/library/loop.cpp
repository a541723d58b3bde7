#include "models/text/jinja/library/loop.h"

#include "models/text/jinja/values/comparison.h"

namespace reel::models::jinja {

namespace {

// loop.cycle and loop.changed.
class LoopMethod : public Callable {
 public:
  LoopMethod(std::shared_ptr<Loop> loop, int64_t index, bool cycle)
      : loop_(std::move(loop)), index_(index), cycle_(cycle) {}
  std::string type_name() const override { return "method"; }
  Extent extent() const override {
    const Extent inner = loop_->extent();
    return {inner.nesting + 1, inner.weight + 1};
  }
  Value call(Machine& machine, const CallArguments& arguments) override {
    if (!arguments.named.empty()) {
      throw Fault(FaultKind::kType, "gives a method of 'loop' an argument by name, which it does not take");
    }
    if (!cycle_) return Value(loop_->changed(Value::tuple(arguments.positional, machine.budget)));
    if (arguments.positional.empty())
      throw Fault(FaultKind::kType, "gives 'loop.cycle' nothing to choose from");
    return arguments.positional[index_ % arguments.positional.size()];
  }

 private:
  std::shared_ptr<Loop> loop_;
  int64_t index_;
  bool cycle_;
};

}  // namespace

Loop::Loop(Value source, Cursor next, bool sized, Machine& machine)
    : source_(std::move(source)), next_(std::move(next)), sized_(sized), machine_(machine) {}

std::optional<Value> Loop::advance() {
  std::optional<Value> item = peek();
  after_.reset();
  if (!item) return std::nullopt;
  ++index_;
  before_ = std::exchange(current_, item);
  return item;
}

void Loop::finish() {
  next_ = [] { return std::nullopt; };
  ended_ = true;
}

const std::optional<Value>& Loop::peek() {
  if (!after_ && !ended_) {
    after_ = next_();
    ended_ = !after_;
  }
  return after_;
}

int64_t Loop::length() {
  if (length_) return *length_;
  const auto generator = source_.as<Generator>();
  if (sized_ && !generator) {
    length_ = size_of(source_);
  } else {
    // All that is left is made now.
    auto rest = std::make_shared<Values>();
    while (std::optional<Value> item = next_()) {
      machine_.budget.make(sizeof(Value));
      rest->push_back(std::move(*item));
    }
    length_ = index_ + 1 + static_cast<int64_t>(rest->size()) + (after_ ? 1 : 0);
    next_ = [rest, at = size_t{0}]() mutable -> std::optional<Value> {
      return at < rest->size() ? std::optional((*rest)[at++]) : std::nullopt;
    };
  }
  return *length_;
}

std::optional<Value> Loop::attribute(const std::string& name) {
  if (name == "index") return Value(index_ + 1);
  if (name == "index0") return Value(index_);
  if (name == "first") return Value(index_ == 0);
  if (name == "last") return Value(!peek().has_value());
  if (name == "length") return Value(length());
  if (name == "revindex") return Value(length() - index_);
  if (name == "revindex0") return Value(length() - index_ - 1);
  if (name == "depth") return Value(int64_t{1});
  if (name == "depth0") return Value(int64_t{0});
  if (name == "previtem") {
    return index_ == 0 ? Value::undefined("there is no previous item") : *before_;
  }
  if (name == "nextitem") return peek() ? *peek() : Value::undefined("there is no next item");
  if (name == "cycle" || name == "changed") {
    return Value(std::make_shared<LoopMethod>(shared_from_this(), index_, name == "cycle"));
  }
  return std::nullopt;
}

bool Loop::changed(const Value& value) {
  machine_.budget.step(value.weight());
  if (last_changed_ && equal(*last_changed_, value)) return false;
  // What it remembers may hold the loop itself.
  if (!last_changed_) {
    machine_.remembered.emplace_back(shared_from_this(), [this] { last_changed_.reset(); });
  }
  last_changed_ = value;
  return true;
}

Extent Loop::extent() const {
  Extent extent = source_.extent();
  ++extent.nesting;
  return extent;
}

std::string Loop::repr(Budget&) const {
  throw Fault(FaultKind::kUnsupported, "prints 'loop' itself, which is not supported");
}

Value Loop::call(Machine&, const CallArguments&) {
  throw Fault(FaultKind::kType, "calls 'loop', which only recursive loops can");
}

}  // namespace reel::models::jinja
