#include "models/text/jinja/library/global_functions.h"

#include <iterator>

#include "models/text/jinja/values/value_text.h"

namespace reel::models::jinja {

namespace {

using GlobalCall = Value (*)(Machine& machine, const CallArguments& arguments);

Value make_range(Machine&, const CallArguments& arguments) {
  if (!arguments.named.empty()) throw Fault(FaultKind::kType, "gives 'range' an argument by name");
  const BoundArguments bound("range", arguments, {"start", "stop", "step"}, 1);
  for (const Value& value : arguments.positional) {
    if (value.is_undefined()) value.fail_undefined();
  }
  const bool only_stop = arguments.positional.size() == 1;
  const int64_t first = bound.integer(0, 0);
  return Value(std::make_shared<Range>(only_stop ? 0 : first, only_stop ? first : bound.integer(1, 0),
                                       bound.integer(2, 1)));
}

// dict(mapping or pairs, **named)
Dict filled_dict(const char* function, Machine& machine, const CallArguments& arguments) {
  if (arguments.positional.size() > 1) {
    throw Fault(FaultKind::kType, std::string("gives '") + function + "' more than one dict");
  }
  Dict dict;
  const auto put = [&](const Value& key, const Value& value) {
    machine.budget.step(key.weight());
    machine.budget.make(4 * sizeof(Value));
    dict.set(key, value);
  };
  if (!arguments.positional.empty()) {
    const Value& given = arguments.positional[0];
    if (given.is_undefined()) given.fail_undefined();
    if (given.is(Value::Kind::kDict)) {
      for (const auto& [key, value] : given.dict().items()) put(key, value);
    } else {
      Cursor next = iterate(given, machine.budget);
      while (const std::optional<Value> item = next()) {
        const Values pair = collect(*item, machine.budget);
        if (pair.size() != 2) throw Fault(FaultKind::kType, "makes a dict of something that is not pairs");
        put(pair[0], pair[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) put(Value(name), value);
  return dict;
}

Value make_dict(Machine& machine, const CallArguments& arguments) {
  return Value::dict(filled_dict("dict", machine, arguments), machine.budget);
}

Value make_namespace(Machine& machine, const CallArguments& arguments) {
  const Dict dict = filled_dict("namespace", machine, arguments);
  auto space = std::make_shared<Namespace>();
  for (const auto& [name, value] : dict.items()) {
    if (name.is_string() && name.text().starts_with("_")) {
      throw Fault(FaultKind::kUnsafe, "gives a namespace an attribute that begins with '_'");
    }
    space->set(name, value);
  }
  machine.budget.make(sizeof(Namespace));
  machine.namespaces.push_back(space);
  return Value(space);
}

Value raise_exception(Machine& machine, const CallArguments& arguments) {
  const BoundArguments bound("raise_exception", arguments, {"message"}, 1);
  throw Fault(FaultKind::kRaised, text_of(*bound.find(0), machine.budget));
}

Value time_text(Machine& machine, const CallArguments& arguments) {
  const BoundArguments bound("strftime_now", arguments, {"format"}, 1);
  const std::optional<std::string> format = bound.text(0);
  if (!format) throw Fault(FaultKind::kType, "gives 'strftime_now' a format that is no text");
  if (format->size() > 1'000)
    throw Fault(FaultKind::kLimit, "gives 'strftime_now' a format of more than 1000 bytes");
  std::tm parts{};
  localtime_r(&machine.now, &parts);
  std::string text(16'384, '\0');
  // An empty result is told from one that does not fit by the mark in front.
  const size_t count = std::strftime(text.data(), text.size(), ("." + *format).c_str(), &parts);
  if (count == 0) throw Fault(FaultKind::kLimit, "makes a time of more than 16384 bytes");
  return Value(text.substr(1, count - 1));
}

template <int name>
Value unsupported_function(Machine&, const CallArguments&) {
  constexpr const char* kNames[] = {"lipsum", "cycler", "joiner"};
  throw Fault(FaultKind::kUnsupported, std::string("calls '") + kNames[name] + "', which is not supported");
}

class GlobalFunction : public Callable {
 public:
  GlobalFunction(const char* name, GlobalCall call) : name_(name), call_(call) {}
  std::string type_name() const override { return name_; }
  Value call(Machine& machine, const CallArguments& arguments) override { return call_(machine, arguments); }

 private:
  std::string name_;
  GlobalCall call_;
};

constexpr struct {
  const char* name;
  GlobalCall call;
} kFunctions[] = {{"range", make_range},
                  {"dict", make_dict},
                  {"namespace", make_namespace},
                  {"raise_exception", raise_exception},
                  {"strftime_now", time_text},
                  {"lipsum", unsupported_function<0>},
                  {"cycler", unsupported_function<1>},
                  {"joiner", unsupported_function<2>}};

}  // namespace

std::optional<Value> global_function(const std::string& name) {
  for (const auto& function : kFunctions) {
    if (name == function.name) return Value(std::make_shared<GlobalFunction>(function.name, function.call));
  }
  return std::nullopt;
}

}  // namespace reel::models::jinja
