// What a rendering keeps: its budget, the variables that the caller gave, and what functions of the template remember.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <vector>

#include "models/text/jinja/library/call_arguments.h"
#include "models/text/jinja/syntax/template_tree.h"
#include "models/text/jinja/values/iteration.h"

namespace reel::models::jinja {

/// The variables of a function that runs.
struct Activation {
  Activation(int slot_count, Activation* around) : slots(static_cast<size_t>(slot_count)), outer(around) {}
  std::vector<std::optional<Value>> slots;  // empty: not set
  Activation* outer;                        // of the function around it; null for the template itself
};

struct Machine {
  Machine(const Dict& given, const Limits& limits, std::time_t clock)
      : variables(given), budget(limits), now(clock) {}
  ~Machine() {
    // Namespaces may hold each other in circles.
    for (const auto& space : namespaces) space->clear();
    for (const auto& [owner, forget] : remembered) forget();
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  const Dict& variables;
  Budget budget;
  std::time_t now;  // for strftime_now
  int line = 0;     // of what was looked at last
  std::vector<std::shared_ptr<Namespace>> namespaces;
  std::vector<std::unique_ptr<Activation>> kept;  // whose functions may still be called
  std::vector<std::pair<std::shared_ptr<Object>, std::function<void()>>> remembered;
};

/// Something that can be called.
class Callable : public Object {
 public:
  virtual Value call(Machine& machine, const CallArguments& arguments) = 0;
};

}  // namespace reel::models::jinja
