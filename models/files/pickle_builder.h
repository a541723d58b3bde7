// Turns the values of a pickle into descriptions of tensors: the meaning of the globals and persistent ids of
// torch.save.
#pragma once

#include "models/files/pickle.h"

namespace reel::models {

/// Owns the values that the machine of read_pickle handles. Every function throws std::runtime_error "what is
/// wrong" for anything that torch.save does not write for tensors and plain values.
class PickleBuilder {
 public:
  PickleValue container(PickleValue::Kind kind, std::vector<PickleValue> values);
  std::vector<PickleValue>& contents(const PickleValue& container) {
    return pickle_.containers[static_cast<size_t>(container.number)];
  }

  /// A global from the table of known ones. Every other global is refused by name.
  static PickleValue global(std::string_view module, std::string_view name);
  /// The storage that a persistent id names: ('storage', type, key, where it was, number of elements).
  PickleValue storage(const PickleValue& id);
  /// The result of calling a global with a tuple of arguments.
  PickleValue call(const PickleValue& callable, const PickleValue& arguments);

  Pickle finish(const PickleValue& root);

 private:
  PickleValue tensor(const std::vector<PickleValue>& arguments);
  std::vector<int64_t> sizes(const PickleValue& tuple);
  Pickle pickle_;
};

}  // namespace reel::models
