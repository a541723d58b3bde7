// Going through values: lists, texts, dicts and the objects that Python makes of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/text/jinja/values/template_value.h"

namespace reel::models::jinja {

/// Gives the next value, or none at the end. Counts a step for each.
using Cursor = std::function<std::optional<Value>()>;

/// Python's iter. Throws: Fault kType if the value cannot be gone through. An undefined value has no elements.
Cursor iterate(const Value& value, Budget& budget);
bool is_iterable(const Value& value);
/// All that is left of it.
Values collect(const Value& value, Budget& budget);
/// Python's len. Throws: Fault kType if the value has none.
int64_t size_of(const Value& value);

/// Python's range, of at most 100,000 numbers as in the sandbox.
class Range : public Object {
 public:
  /// Throws: Fault kType if `step` is 0, kLimit if there are more numbers than the sandbox allows.
  Range(int64_t start, int64_t stop, int64_t step);
  std::string type_name() const override { return "range"; }
  Extent extent() const override { return {1, static_cast<uint64_t>(count_) + 1}; }
  std::optional<int64_t> size() const override { return count_; }
  bool equals(const Object& other) const override;
  std::string repr(Budget& budget) const override;
  Value at(int64_t index) const { return Value(start_ + index * step_); }

 private:
  int64_t start_, stop_, step_, count_;
};

/// What dict.keys(), values() and items() give.
class DictView : public Object {
 public:
  enum class Part { kKeys, kValues, kItems };
  DictView(Value dict, Part part) : dict_(std::move(dict)), part_(part) {}
  std::string type_name() const override;
  Extent extent() const override { return {dict_.extent().nesting + 2, dict_.weight() * 2}; }
  std::optional<int64_t> size() const override { return static_cast<int64_t>(dict_.dict().size()); }
  std::string repr(Budget& budget) const override;
  Value at(int64_t index, Budget& budget) const;

 private:
  Value dict_;
  Part part_;
};

/// What filters such as map and select give: its elements are made when they are asked for, once.
class Generator : public Object {
 public:
  /// `extent`: of what it goes through.
  Generator(Cursor next, Extent extent) : next_(std::move(next)), extent_(extent) {}
  std::string type_name() const override { return "generator"; }
  Extent extent() const override { return extent_; }
  std::optional<Value> next() { return next_(); }

 private:
  Cursor next_;
  Extent extent_;
};
/// A generator whose cursor holds `held`. Throws: Fault kLimit if generators lie too deep in each other.
Value make_generator(Cursor next, const Values& held);

/// Jinja's namespace, the one object that templates change. The machine owns all of them, so that one that holds itself
/// is freed.
class Namespace : public Object {
 public:
  std::string type_name() const override { return "Namespace"; }
  std::string repr(Budget& budget) const override;
  const Value* find(std::string_view name) const { return attributes_.find(name); }
  void set(Value name, Value value) { attributes_.set(std::move(name), std::move(value)); }
  void clear() { attributes_ = Dict(); }

 private:
  Dict attributes_;
};

}  // namespace reel::models::jinja
