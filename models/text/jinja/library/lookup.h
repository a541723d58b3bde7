// `value.name` and `value[key]`, as the sandbox of transformers answers them.
#pragma once

#include <string>

#include "models/text/jinja/machine.h"

namespace reel::models::jinja {

/// `object.name`: an attribute or method of its type, else what a dict holds under the name, else an undefined value.
/// Attributes that the sandbox hides give an undefined value that fails with kUnsafe when it is used.
/// Throws: Fault kUndefined if the object is undefined itself.
Value attribute_of(const Value& object, const std::string& name, Machine& machine);

/// `object[key]`: what it holds, else its attribute of that name, else an undefined value.
Value item_of(const Value& object, const Value& key, Machine& machine);

/// `object[start:stop:step]`; null where absent. Throws: Fault kType.
Value slice_of(const Value& object, const Value* start, const Value* stop, const Value* step,
               Machine& machine);

}  // namespace reel::models::jinja
