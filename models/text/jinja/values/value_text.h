// Values as text: Python's str and repr, and the JSON of transformers' `tojson`.
#pragma once

#include <optional>
#include <string>

#include "models/text/jinja/values/template_value.h"

namespace reel::models::jinja {

/// str(value). Throws: Fault kUnsupported for values that Python prints with an address in memory.
std::string text_of(const Value& value, Budget& budget);
/// repr(value).
std::string repr_of(const Value& value, Budget& budget);
std::string repr_of(const Dict& dict, Budget& budget);
/// The shortest digits that read back as the number, as Python's repr writes them: "1.0", "1e+16", "nan".
std::string float_text(double number);

struct JsonStyle {
  bool ascii = false;                 // escape all that is not ASCII
  std::optional<std::string> indent;  // one level of it; absent: all on one line
  std::string between = ", ", after_key = ": ";
  bool sort_keys = false;
};
/// json.dumps(value). Throws: Fault kType for what JSON has no form of, undefined values among it.
std::string json_of(const Value& value, const JsonStyle& style, Budget& budget);

}  // namespace reel::models::jinja
