// The argument `attribute` of filters: "name", "name.other.0", or a number.
#pragma once

#include <optional>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

class AttributePath {
 public:
  /// `path`: a text, an integer, or None for the element itself. Throws: Fault kType for anything else.
  explicit AttributePath(const Value& path, std::optional<Value> otherwise = std::nullopt);
  /// `otherwise`, where given, stands for what is undefined on the way.
  Value of(const Value& item, Machine& machine) const;

 private:
  Values parts_;
  std::optional<Value> otherwise_;
};

/// A text in lower case, any other value as it is.
Value without_case(const Value& value, Machine& machine);

}  // namespace reel::models::jinja
