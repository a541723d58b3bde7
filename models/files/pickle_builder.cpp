#include "models/files/pickle_builder.h"

#include "models/files/refuse.h"
#include "models/files/strict_json.h"
#include "models/files/tensor_file.h"

namespace reel::models {
namespace {

using Kind = PickleValue::Kind;

/// What a known global is used for.
enum class Role { kOrderedDict, kTensor, kParameter, kSize, kStorage };

struct Global {
  std::string_view module, name;
  Role role;
  at::ScalarType dtype = at::kFloat;  // of a storage
};
// torch.storage.UntypedStorage is not among them: only _rebuild_tensor_v3 needs it, for dtypes (float8,
// unsigned words) that no released checkpoint in this format is known to have.
constexpr Global kGlobals[] = {
    {"collections", "OrderedDict", Role::kOrderedDict},
    {"torch._utils", "_rebuild_tensor_v2", Role::kTensor},
    {"torch._utils", "_rebuild_parameter", Role::kParameter},
    {"torch", "Size", Role::kSize},
    {"torch", "DoubleStorage", Role::kStorage, at::kDouble},
    {"torch", "FloatStorage", Role::kStorage, at::kFloat},
    {"torch", "HalfStorage", Role::kStorage, at::kHalf},
    {"torch", "BFloat16Storage", Role::kStorage, at::kBFloat16},
    {"torch", "LongStorage", Role::kStorage, at::kLong},
    {"torch", "IntStorage", Role::kStorage, at::kInt},
    {"torch", "ShortStorage", Role::kStorage, at::kShort},
    {"torch", "CharStorage", Role::kStorage, at::kChar},
    {"torch", "ByteStorage", Role::kStorage, at::kByte},
    {"torch", "BoolStorage", Role::kStorage, at::kBool},
};

const Global& known(const PickleValue& value) { return kGlobals[static_cast<size_t>(value.number)]; }

}  // namespace

PickleValue PickleBuilder::container(Kind kind, std::vector<PickleValue> values) {
  pickle_.containers.push_back(std::move(values));
  return {kind, static_cast<int64_t>(pickle_.containers.size()) - 1};
}

PickleValue PickleBuilder::global(std::string_view module, std::string_view name) {
  for (size_t i = 0; i < std::size(kGlobals); ++i) {
    if (kGlobals[i].module == module && kGlobals[i].name == name) {
      return {Kind::kGlobal, static_cast<int64_t>(i)};
    }
  }
  refuse("its pickle asks for '" + shown(std::string(module)) + "." + shown(std::string(name)) + "'");
}

PickleValue PickleBuilder::storage(const PickleValue& id) {
  const std::vector<PickleValue> none;
  const std::vector<PickleValue>& parts = id.kind == Kind::kTuple ? contents(id) : none;
  if (parts.size() != 5 || parts[0].kind != Kind::kText || parts[0].text != "storage" ||
      parts[1].kind != Kind::kGlobal || known(parts[1]).role != Role::kStorage ||
      parts[2].kind != Kind::kText || parts[3].kind != Kind::kText || parts[4].kind != Kind::kInteger ||
      parts[4].number < 0) {
    refuse("its pickle has a persistent id that names no storage");
  }
  pickle_.storages.push_back({parts[2].text, known(parts[1]).dtype, parts[4].number});
  return {Kind::kStorage, static_cast<int64_t>(pickle_.storages.size()) - 1};
}

PickleValue PickleBuilder::call(const PickleValue& callable, const PickleValue& arguments) {
  if (callable.kind != Kind::kGlobal || arguments.kind != Kind::kTuple) {
    refuse("its pickle calls something that is no function");
  }
  const std::vector<PickleValue>& values = contents(arguments);
  const Global& function = known(callable);
  switch (function.role) {
    case Role::kOrderedDict:
      if (!values.empty()) refuse("its pickle makes an OrderedDict from arguments");
      return container(Kind::kOrderedDict, {});
    case Role::kTensor:
      return tensor(values);
    case Role::kParameter:  // (tensor, requires_grad, hooks)
      if (values.size() != 3 || values[0].kind != Kind::kTensor) {
        refuse("its pickle makes a parameter of something that is no tensor");
      }
      return values[0];
    case Role::kSize:
      if (values.size() != 1 || values[0].kind != Kind::kTuple) {
        refuse("its pickle makes a torch.Size of something that is no tuple");
      }
      return values[0];
    case Role::kStorage:
      break;
  }
  refuse("its pickle calls '" + std::string(function.module) + "." + std::string(function.name) +
         "', which it may only name");
}

/// Whole numbers from 0 up, at most eight.
std::vector<int64_t> PickleBuilder::sizes(const PickleValue& tuple) {
  std::vector<int64_t> numbers;
  if (tuple.kind != Kind::kTuple || contents(tuple).size() > kMaxRank) {
    refuse("its pickle has a tensor whose shape or strides are no tuple of at most 8 numbers");
  }
  for (const PickleValue& value : contents(tuple)) {
    if (value.kind != Kind::kInteger || value.number < 0) {
      refuse("its pickle has a tensor whose shape or strides are not whole numbers from 0 up");
    }
    numbers.push_back(value.number);
  }
  return numbers;
}

/// (storage, offset, shape, strides, requires_grad, hooks[, metadata])
PickleValue PickleBuilder::tensor(const std::vector<PickleValue>& arguments) {
  if (arguments.size() < 6 || arguments.size() > 7 || arguments[0].kind != Kind::kStorage) {
    refuse("its pickle makes a tensor of something that is no storage");
  }
  if (arguments[1].kind != Kind::kInteger || arguments[1].number < 0) {
    refuse("its pickle has a tensor whose offset is not a whole number from 0 up");
  }
  // Flags of a view that is to be conjugated or negated when it is read; None or empty for all others.
  if (arguments.size() == 7 && arguments[6].kind != Kind::kPlain &&
      !(arguments[6].is_dict() && contents(arguments[6]).empty())) {
    refuse("its pickle has a tensor with flags of a lazy operation");
  }
  PickledTensor tensor{pickle_.storages[static_cast<size_t>(arguments[0].number)], arguments[1].number,
                       sizes(arguments[2]), sizes(arguments[3])};
  if (tensor.shape.size() != tensor.strides.size()) {
    refuse("its pickle has a tensor with more or fewer strides than sizes");
  }
  pickle_.tensors.push_back(std::move(tensor));
  return {Kind::kTensor, static_cast<int64_t>(pickle_.tensors.size()) - 1};
}

Pickle PickleBuilder::finish(const PickleValue& root) {
  pickle_.root = root;
  return std::move(pickle_);
}

}  // namespace reel::models
