// The names of one scope while a template is resolved.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "models/text/jinja/syntax/template_tree.h"

namespace reel::models::jinja {

/// The variables of one function: the template itself, a macro, or the body of a call.
struct FunctionTable {
  FunctionTable* outer = nullptr;
  std::map<std::string, int> slots;  // by level and name: scopes beside each other share theirs
  bool holds_functions = false;

  int slot(const std::string& key) {
    return slots.try_emplace(key, static_cast<int>(slots.size())).first->second;
  }
};

class ScopeSymbols {
 public:
  /// `tag` sets the variables apart from those of other scopes of the level.
  ScopeSymbols(FunctionTable* function, const ScopeSymbols* parent, std::string tag = "")
      : function_(function),
        parent_(parent),
        level_(parent == nullptr ? 0 : parent->level_ + 1),
        tag_(std::move(tag)) {}

  void load(const std::string& name);
  void store(const std::string& name);
  /// Returns the slot.
  int parameter(const std::string& name);
  /// After the branches of an `if` were gone through, each with a copy of these symbols.
  void join(const std::vector<ScopeSymbols>& branches);

  /// Where a name lies that was seen before, for code of `user`, this scope's function.
  Place place(const std::string& name) const;
  Scope scope() const;
  FunctionTable* function() const { return function_; }

 private:
  enum class Source { kContext, kOuter, kUnset, kParameter };
  struct Found {
    FunctionTable* function;
    int slot;
  };
  struct Begin {
    Source source;
    std::string name;
    std::optional<Found> outer;
  };
  std::optional<Found> find(const std::string& name) const;
  int define(const std::string& name, Begin begin);
  Place seen_from_here(const Found& found) const;

  FunctionTable* function_;
  const ScopeSymbols* parent_;
  int level_;
  std::string tag_;
  std::map<std::string, int> refs_;
  std::map<int, Begin> loads_;  // by slot
  std::set<std::string> stores_;
};

}  // namespace reel::models::jinja
