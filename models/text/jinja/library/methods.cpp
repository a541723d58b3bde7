#include "models/text/jinja/library/methods.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "models/text/jinja/library/text_methods.h"
#include "models/text/jinja/values/comparison.h"

namespace reel::models::jinja {

namespace {

using Names = std::initializer_list<std::string_view>;

bool among(std::string_view name, Names names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Names kTextMethods = {
    "capitalize", "casefold",     "center",       "count",   "encode",     "endswith",    "expandtabs",
    "find",       "format",       "format_map",   "index",   "isalnum",    "isalpha",     "isascii",
    "isdecimal",  "isdigit",      "isidentifier", "islower", "isnumeric",  "isprintable", "isspace",
    "istitle",    "isupper",      "join",         "ljust",   "lower",      "lstrip",      "maketrans",
    "partition",  "removeprefix", "removesuffix", "replace", "rfind",      "rindex",      "rjust",
    "rpartition", "rsplit",       "rstrip",       "split",   "splitlines", "startswith",  "strip",
    "swapcase",   "title",        "translate",    "upper",   "zfill"};
const Names kListChanges = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
const Names kDictMethods = {"copy", "fromkeys", "get", "items", "keys", "values"};
const Names kDictChanges = {"clear", "pop", "popitem", "setdefault", "update"};
const Names kNumberAttributes = {"as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
                                 "from_bytes",       "fromhex",   "hex",        "imag",      "is_integer",
                                 "numerator",        "real",      "to_bytes"};

bool has_method(const Value& object, const std::string& name) {
  switch (object.kind()) {
    case Value::Kind::kString:
      return among(name, kTextMethods) || (object.safe() && among(name, {"escape", "striptags", "unescape"}));
    case Value::Kind::kList:
      return among(name, {"copy", "count", "index"});
    case Value::Kind::kTuple:
      return among(name, {"count", "index"});
    case Value::Kind::kDict:
      return among(name, kDictMethods);
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return among(name, kNumberAttributes) && name != "fromhex" && name != "hex" && name != "is_integer";
    case Value::Kind::kFloat:
      return among(name, kNumberAttributes) && name != "bit_count" && name != "bit_length" &&
             name != "from_bytes" && name != "to_bytes" && name != "numerator" && name != "denominator";
    case Value::Kind::kObject: {
      const std::string type = object.type_name();
      if (type == "range") return among(name, {"count", "index", "start", "stop", "step"});
      if (type == "generator") return among(name, {"close", "send", "throw", "gi_running", "gi_yieldfrom"});
      if (type.starts_with("dict_")) return among(name, {"isdisjoint", "mapping"}) && type != "dict_values";
      if (type == "Macro")
        return among(name, {"name", "arguments", "catch_kwargs", "catch_varargs", "caller"});
      return false;
    }
    default:
      return false;
  }
}

Value call_dict_method(const Value& self, const std::string& name, const CallArguments& arguments,
                       Machine& machine) {
  if (name == "get") {
    const BoundArguments bound("get", arguments, {"key", "default"}, 1);
    machine.budget.step(bound.find(0)->weight());
    const Value* found = self.dict().find(*bound.find(0));
    return found == nullptr ? bound.get(1, Value()) : *found;
  }
  const BoundArguments none(name, arguments, {});
  if (name == "copy") return self;
  const auto part = name == "keys"     ? DictView::Part::kKeys
                    : name == "values" ? DictView::Part::kValues
                                       : DictView::Part::kItems;
  return Value(std::make_shared<DictView>(self, part));
}

Value call_list_method(const Value& self, const std::string& name, const CallArguments& arguments,
                       Machine& machine) {
  if (name == "copy") {
    const BoundArguments none(name, arguments, {});
    return self;
  }
  const BoundArguments bound(name, arguments, {"value", "start", "stop"}, 1);
  const Value& wanted = *bound.find(0);
  machine.budget.step(self.weight());
  const Values& items = self.items();
  if (name == "count") {
    return Value(static_cast<int64_t>(
        std::count_if(items.begin(), items.end(), [&](const Value& item) { return equal(item, wanted); })));
  }
  const auto size = static_cast<int64_t>(items.size());
  const auto clipped = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size); };
  for (int64_t i = clipped(bound.integer(1, 0)); i < clipped(bound.integer(2, size)); ++i) {
    if (equal(items[i], wanted)) return Value(i);
  }
  throw Fault(FaultKind::kType, "asks for the index of a value that is not in the list");
}

class Method : public Callable {
 public:
  Method(Value self, std::string name) : self_(std::move(self)), name_(std::move(name)) {}
  std::string type_name() const override { return "builtin_function_or_method"; }
  Extent extent() const override {
    const Extent inner = self_.extent();
    if (inner.nesting >= kMostNesting) {
      throw Fault(FaultKind::kLimit, "puts methods too deep into lists");
    }
    return {inner.nesting + 1, inner.weight + 1};
  }
  Value call(Machine& machine, const CallArguments& arguments) override {
    const std::string type = self_.type_name();
    if (self_.is_string() && has_text_method(self_, name_)) {
      return call_text_method(self_, name_, arguments, machine);
    }
    if (self_.is(Value::Kind::kDict) && name_ != "fromkeys") {
      return call_dict_method(self_, name_, arguments, machine);
    }
    if (self_.is_sequence()) return call_list_method(self_, name_, arguments, machine);
    throw Fault(FaultKind::kUnsupported, "calls '" + name_ + "' of a '" + type + "', which is not supported");
  }

 private:
  Value self_;
  std::string name_;
};

}  // namespace

bool is_changing_method(const Value& object, const std::string& name) {
  return (object.is(Value::Kind::kList) && among(name, kListChanges)) ||
         (object.is(Value::Kind::kDict) && among(name, kDictChanges));
}

std::optional<Value> method_of(const Value& object, const std::string& name) {
  if (!has_method(object, name)) return std::nullopt;
  return Value(std::make_shared<Method>(object, name));
}

}  // namespace reel::models::jinja
