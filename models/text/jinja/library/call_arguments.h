// Arguments of functions, filters and tests.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/text/jinja/values/template_value.h"

namespace reel::models::jinja {

struct CallArguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Arguments by the names of a function's parameters.
class BoundArguments {
 public:
  /// Throws: Fault kType if there are too many, one has an unknown name or comes twice, or one of the first `needed` is
  /// not given.
  BoundArguments(std::string function, const CallArguments& given,
                 std::initializer_list<const char*> parameters, size_t needed = 0);

  /// Null if it was not given.
  const Value* find(size_t index) const { return values_[index] ? &*values_[index] : nullptr; }
  Value get(size_t index, Value otherwise) const {
    return values_[index] ? *values_[index] : std::move(otherwise);
  }
  /// An int (or bool). Throws: Fault kType if it is something else.
  int64_t integer(size_t index, int64_t otherwise) const;
  /// A text; none if it was not given, or is None. Throws: Fault kType.
  std::optional<std::string> text(size_t index) const;
  bool flag(size_t index, bool otherwise = false) const;
  /// A flag that Python takes as an integer. Throws: Fault kType if it is none.
  bool number_flag(size_t index) const { return integer(index, 0) != 0; }

 private:
  std::string function_;
  std::vector<std::string> names_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace reel::models::jinja
