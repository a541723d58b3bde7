#include "models/text/jinja/syntax/scope_symbols.h"

#include <stdexcept>

namespace reel::models::jinja {

std::optional<ScopeSymbols::Found> ScopeSymbols::find(const std::string& name) const {
  for (const ScopeSymbols* symbols = this; symbols != nullptr; symbols = symbols->parent_) {
    const auto found = symbols->refs_.find(name);
    if (found != symbols->refs_.end()) return Found{symbols->function_, found->second};
  }
  return std::nullopt;
}

int ScopeSymbols::define(const std::string& name, Begin begin) {
  const int slot = function_->slot(tag_ + std::to_string(level_) + " " + name);
  refs_[name] = slot;
  loads_[slot] = std::move(begin);
  return slot;
}

void ScopeSymbols::load(const std::string& name) {
  if (!find(name)) define(name, {Source::kContext, name, {}});
}

void ScopeSymbols::store(const std::string& name) {
  stores_.insert(name);
  if (refs_.contains(name)) return;
  const std::optional<Found> outer = parent_ == nullptr ? std::nullopt : parent_->find(name);
  define(name, {outer ? Source::kOuter : Source::kUnset, name, outer});
}

int ScopeSymbols::parameter(const std::string& name) {
  stores_.insert(name);
  return define(name, {Source::kParameter, name, {}});
}

void ScopeSymbols::join(const std::vector<ScopeSymbols>& branches) {
  std::set<std::string> stored;
  for (const ScopeSymbols& branch : branches) stored.insert(branch.stores_.begin(), branch.stores_.end());
  for (const std::string& name : stores_) stored.erase(name);
  for (const ScopeSymbols& branch : branches) {
    for (const auto& [name, slot] : branch.refs_) refs_[name] = slot;
    for (const auto& [slot, begin] : branch.loads_) loads_[slot] = begin;
    stores_.insert(branch.stores_.begin(), branch.stores_.end());
  }
  // What only some branch assigns begins as what it is outside.
  for (const std::string& name : stored) {
    const std::optional<Found> target = find(name);
    const std::optional<Found> outer = parent_ == nullptr ? std::nullopt : parent_->find(name);
    loads_[target->slot] = {outer ? Source::kOuter : Source::kContext, name, outer};
  }
}

Place ScopeSymbols::seen_from_here(const Found& found) const {
  Place place{0, found.slot};
  for (const FunctionTable* function = function_; function != found.function; function = function->outer) {
    if (function == nullptr) throw std::logic_error("a variable of a template must lie around its use");
    ++place.functions_out;
  }
  return place;
}

Place ScopeSymbols::place(const std::string& name) const {
  const std::optional<Found> found = find(name);
  if (!found) throw std::logic_error("the name '" + name + "' of a template was not resolved");
  return seen_from_here(*found);
}

Scope ScopeSymbols::scope() const {
  Scope scope;
  for (const auto& [slot, begin] : loads_) {
    scope.slots.push_back(slot);
    switch (begin.source) {
      case Source::kContext:
        scope.loads.push_back({Load::Kind::kFromContext, slot, begin.name, {}});
        break;
      case Source::kOuter:
        scope.loads.push_back({Load::Kind::kFromOuter, slot, begin.name, seen_from_here(*begin.outer)});
        break;
      case Source::kUnset:
        scope.loads.push_back({Load::Kind::kUnset, slot, begin.name, {}});
        break;
      case Source::kParameter:
        break;
    }
  }
  return scope;
}

}  // namespace reel::models::jinja
