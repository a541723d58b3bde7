#include "models/text/jinja/library/attribute_path.h"

#include "models/text/jinja/library/lookup.h"
#include "models/text/jinja/values/python_text.h"

namespace reel::models::jinja {

AttributePath::AttributePath(const Value& path, std::optional<Value> otherwise)
    : otherwise_(std::move(otherwise)) {
  if (path.is_none()) return;
  if (!path.is_string()) {
    parts_.push_back(path);
    return;
  }
  for (const std::string& part : split_text(path.text(), ".", 1'000)) {
    const bool number =
        !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == std::string::npos;
    parts_.push_back(number ? Value(int64_t{std::stoll(part)}) : Value(part));
  }
}

Value AttributePath::of(const Value& item, Machine& machine) const {
  Value value = item;
  for (const Value& part : parts_) {
    value = item_of(value, part, machine);
    if (otherwise_ && value.is_undefined()) value = *otherwise_;
  }
  return value;
}

Value without_case(const Value& value, Machine& machine) {
  if (!value.is_string()) return value;
  machine.budget.make(value.text().size());
  return Value(lower_text(value.text()));
}

}  // namespace reel::models::jinja
