// Values of templates: Python's, as far as templates meet them. Nothing but a namespace changes once it is made, because
// the sandbox that transformers renders in forbids it.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "models/text/jinja/values/template_fault.h"

namespace reel::models::jinja {

class Dict;
class Object;
class Value;
using Values = std::vector<Value>;

/// How deep lists and dicts may lie within each other, and how many values one may hold, written out.
constexpr int kMostNesting = 100;
constexpr uint64_t kMostWeight = 16'000'000;

/// How large a value is. A list that holds another one twice weighs twice as much, although it takes no memory: comparing
/// and printing do.
struct Extent {
  int nesting = 0;      // lists, dicts and objects within each other
  uint64_t weight = 1;  // values in all
};

class Value {
 public:
  enum class Kind : uint8_t {
    kNone,
    kUndefined,
    kBool,
    kInt,
    kFloat,
    kString,
    kList,
    kTuple,
    kDict,
    kObject
  };

  Value() = default;  // None
  template <std::same_as<bool> T>
  explicit Value(T value) : data_(value) {}
  explicit Value(int64_t value) : data_(value) {}
  explicit Value(double value) : data_(value) {}
  /// UTF-8. `safe`: marked by the filter of that name (markupsafe's Markup).
  explicit Value(std::string text, bool safe = false);
  explicit Value(std::string_view text) : Value(std::string(text)) {}
  explicit Value(const char* text) : Value(std::string(text)) {}
  explicit Value(std::shared_ptr<Object> object);

  /// `message` says what was looked for, for the one who uses the value: "'x' is undefined".
  static Value undefined(std::string message, FaultKind kind = FaultKind::kUndefined);
  /// Throws: Fault kLimit if the extent would be beyond the bounds above, or the budget is used up.
  static Value list(Values items, Budget& budget);
  static Value tuple(Values items, Budget& budget);
  static Value dict(Dict items, Budget& budget);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind kind) const { return this->kind() == kind; }
  bool is_undefined() const { return is(Kind::kUndefined); }
  bool is_none() const { return is(Kind::kNone); }
  bool is_string() const { return is(Kind::kString); }
  /// bool, int or float, as in Python, where True is 1.
  bool is_number() const { return is(Kind::kBool) || is(Kind::kInt) || is(Kind::kFloat); }
  /// int or bool.
  bool is_integer() const { return is(Kind::kBool) || is(Kind::kInt); }
  bool is_sequence() const { return is(Kind::kList) || is(Kind::kTuple); }

  // Each needs the kind of its name.
  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const { return is(Kind::kBool) ? int64_t{boolean()} : std::get<int64_t>(data_); }
  double number() const {
    return is(Kind::kFloat) ? std::get<double>(data_) : static_cast<double>(integer());
  }
  const std::string& text() const { return std::get<TextPtr>(data_)->text; }
  bool safe() const { return is_string() && std::get<TextPtr>(data_)->safe; }
  const Values& items() const;  // of a list or tuple
  const Dict& dict() const { return *std::get<DictPtr>(data_); }
  const std::shared_ptr<Object>& object() const { return std::get<ObjectPtr>(data_); }
  /// The object as a T; null if it is another one or no object.
  template <class T>
  std::shared_ptr<T> as() const {
    return is(Kind::kObject) ? std::dynamic_pointer_cast<T>(object()) : nullptr;
  }

  /// Of an undefined value. Throws: Fault with the message that it was made with.
  [[noreturn]] void fail_undefined() const;
  const std::string& undefined_message() const { return std::get<AbsentPtr>(data_)->message; }

  Extent extent() const;
  uint64_t weight() const { return extent().weight; }
  /// Python's name of the type: "str", "dict", ...
  std::string type_name() const;
  /// Whether both are the same object, as Python's `is` has it for values made once.
  bool same_as(const Value& other) const;

 private:
  struct Absent {
    std::string message;
    FaultKind kind;
  };
  struct Text {
    std::string text;
    bool safe;
  };
  struct ListItems {
    Values items;
    Extent extent;
  };
  struct TupleItems : ListItems {};
  using AbsentPtr = std::shared_ptr<const Absent>;
  using TextPtr = std::shared_ptr<const Text>;
  using ListPtr = std::shared_ptr<const ListItems>;
  using TuplePtr = std::shared_ptr<const TupleItems>;
  using DictPtr = std::shared_ptr<const Dict>;
  using ObjectPtr = std::shared_ptr<Object>;
  std::variant<std::monostate, AbsentPtr, bool, int64_t, double, TextPtr, ListPtr, TuplePtr, DictPtr,
               ObjectPtr>
      data_;
};

/// Python's dict: in order of insertion, keys of any hashable kind, 1 and 1.0 and True one key.
class Dict {
 public:
  /// Null if there is none. Throws: Fault kType if the key is not hashable.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  /// Throws: Fault kType if the key is not hashable.
  void set(Value key, Value value);
  void set(std::string_view key, Value value) { set(Value(key), std::move(value)); }
  const std::vector<std::pair<Value, Value>>& items() const { return items_; }
  size_t size() const { return items_.size(); }
  Extent extent() const { return extent_; }

 private:
  std::vector<std::pair<Value, Value>> items_;
  std::unordered_multimap<size_t, size_t> places_;  // hash -> index
  Extent extent_ = {1, 1};
};

/// Values of other types: ranges, views, generators, namespaces, loops, macros, functions.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;
  virtual Extent extent() const { return {1, 1}; }
  /// Python's len; empty: has none.
  virtual std::optional<int64_t> size() const { return std::nullopt; }
  /// Python's ==, where that is more than being the same object.
  virtual bool equals(const Object&) const { return false; }
  /// Python's repr. Throws: Fault kUnsupported where that would show an address in memory.
  virtual std::string repr(Budget& budget) const;
};

}  // namespace reel::models::jinja
