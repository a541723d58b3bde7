// A pickle that describes tensors, read as data: nothing in it is ever run.
//
// A pickle is a program for a small stack machine, and the full machine can call any function of Python. This
// one builds numbers, texts, tuples, lists, dictionaries and descriptions of tensors. It knows the opcodes
// that Python's pickler writes for those (protocols 2 to 5) and the globals that torch.save writes for
// tensors, parameters and ordered dictionaries; every other opcode and every other global is refused by name,
// whether its result would be used or not.
//
// That covers what state_dict() of a module holds, alone or beside plain values: AnimateDiff's motion modules
// (mm_sd_v15_v2.ckpt and its siblings) and VideoCrafter2's model.ckpt are such dictionaries, whose globals
// are collections.OrderedDict, torch._utils._rebuild_tensor_v2 and the storages of their dtypes. A file of
// PyTorch Lightning that pickles objects of its callbacks beside the state_dict (a ModelCheckpoint, a NumPy
// scalar) is refused as well: what such an object would do cannot be known without running it. Source:
// Python's Lib/pickletools.py, which documents every opcode; torch/_utils.py for the arguments of
// _rebuild_tensor_v2; torch/serialization.py for persistent ids.
#pragma once

#include <ATen/core/ScalarType.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace reel::models {

/// A value of a pickle. A value that needs more than one word lies in the Pickle that it came with.
struct PickleValue {
  enum class Kind : uint8_t {
    kPlain,        // None, a truth value, a float, a whole number beyond 64 bits: no tensor needs it
    kInteger,      // number
    kText,         // text, a part of the pickle's bytes
    kTuple,        // number: index into containers
    kList,         // likewise
    kDict,         // likewise; keys and values alternate
    kOrderedDict,  // likewise
    kGlobal,       // number: index into the table of known globals
    kStorage,      // number: index into storages
    kTensor,       // number: index into tensors
  };
  Kind kind = Kind::kPlain;
  int64_t number = 0;
  std::string_view text = {};

  bool is_dict() const { return kind == Kind::kDict || kind == Kind::kOrderedDict; }
};

/// A storage as a persistent id names it: the entry `data/<key>` of the file.
struct PickledStorage {
  std::string_view key;
  at::ScalarType dtype = at::kFloat;
  int64_t elements = 0;  // from 0 up
};

/// A tensor as a view of a storage. Sizes, strides and offset are at least 0; there are as many strides as
/// sizes, at most 8. The caller must check that they lie within the storage.
struct PickledTensor {
  PickledStorage storage;
  int64_t offset = 0;  // in elements, as are the strides
  std::vector<int64_t> shape, strides;
};

/// What a pickle holds. Containers may share members, or contain themselves: a walk must be bounded.
struct Pickle {
  PickleValue root;
  std::deque<std::vector<PickleValue>> containers;
  std::vector<PickledStorage> storages;
  std::vector<PickledTensor> tensors;
};

/// Reads a whole pickle; texts of the result are views of `bytes`. Runs through it once, without recursion.
/// At most 64 MB and 2,000,000 opcodes, so that no pickle takes more than some 300 MB of memory or a second.
/// Throws: std::runtime_error "what is wrong", to which the caller adds place and way out.
Pickle read_pickle(std::string_view bytes);

}  // namespace reel::models
