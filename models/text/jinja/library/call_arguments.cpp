#include "models/text/jinja/library/call_arguments.h"

#include <algorithm>

#include "models/text/jinja/values/comparison.h"

namespace reel::models::jinja {

BoundArguments::BoundArguments(std::string function, const CallArguments& given,
                               std::initializer_list<const char*> parameters, size_t needed)
    : function_(std::move(function)), names_(parameters.begin(), parameters.end()), values_(names_.size()) {
  if (given.positional.size() > names_.size()) {
    throw Fault(FaultKind::kType, "gives '" + function_ + "' " + std::to_string(given.positional.size()) +
                                      " arguments; it takes at most " + std::to_string(names_.size()));
  }
  for (size_t i = 0; i < given.positional.size(); ++i) values_[i] = given.positional[i];
  for (const auto& [name, value] : given.named) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      throw Fault(FaultKind::kType,
                  "gives '" + function_ + "' the argument '" + name + "', which it does not take");
    }
    std::optional<Value>& place = values_[found - names_.begin()];
    if (place) throw Fault(FaultKind::kType, "gives '" + function_ + "' the argument '" + name + "' twice");
    place = value;
  }
  for (size_t i = 0; i < needed; ++i) {
    if (!values_[i]) {
      throw Fault(FaultKind::kType, "does not give '" + function_ + "' the argument '" + names_[i] + "'");
    }
  }
}

int64_t BoundArguments::integer(size_t index, int64_t otherwise) const {
  if (!values_[index]) return otherwise;
  if (values_[index]->is_integer()) return values_[index]->integer();
  throw Fault(FaultKind::kType, "gives '" + function_ + "' a '" + values_[index]->type_name() + "' as '" +
                                    names_[index] + "', which must be an integer");
}

std::optional<std::string> BoundArguments::text(size_t index) const {
  if (!values_[index] || values_[index]->is_none()) return std::nullopt;
  if (values_[index]->is_string()) return values_[index]->text();
  throw Fault(FaultKind::kType, "gives '" + function_ + "' a '" + values_[index]->type_name() + "' as '" +
                                    names_[index] + "', which must be a text");
}

bool BoundArguments::flag(size_t index, bool otherwise) const {
  return values_[index] ? truth(*values_[index]) : otherwise;
}

}  // namespace reel::models::jinja
