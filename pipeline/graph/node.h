// A node is a declaration plus a function. Sockets, help texts and JSON all come from the declaration.
#pragma once

#include <functional>
#include <optional>

#include "attention/plugin/edit_registry.h"
#include "attention/plugin/spec.h"
#include "pipeline/graph/graph.h"
#include "pipeline/target_names.h"
#include "pipeline/value.h"

namespace reel::pipeline {

class RunContext;

/// An input or output. `type` is ComfyUI's: MODEL, CLIP, VAE, CAPTIONER, CONDITIONING, LATENT, IMAGE, VIDEO, STRING,
/// INT, FLOAT, BOOLEAN, or COMBO (a STRING out of `choices`). Types written "A,B" accept either; "*" accepts
/// all.
struct Socket {
  std::string name, type, help = {};
  std::optional<ParamValue> default_value = std::nullopt;  // of an absent constant; none: must be given
  std::optional<Range> range = std::nullopt;
  std::vector<std::string> choices = {};
  bool optional = false;  // may stay unconnected: the node sees no value
  bool multiline = false;
  bool seed = false;  // any 64-bit unsigned integer (kept bit for bit in int64_t)
  /// A path whose content counts: the file's size and time enter the cache key. On an output: a file that the
  /// node wrote; a cached result is valid only while that file is unchanged.
  bool file = false;
  /// Names a place on the user's machine without being a file of this kind: a model's folder. Of places and files a
  /// recipe keeps the last part only.
  bool place = false;
  /// A path that the node writes to; an empty text: it writes nothing. The run decides where that may be
  /// (WriteAccess), and gives the node a path that it may write to.
  bool writes = false;
  /// Permits the work (`overwrite`) without changing the result; not part of the cache key. It counts only if the
  /// user gave it: a graph cannot permit anything.
  bool permission = false;
};

/// The inputs of one execution, already typed, checked and with defaults filled in.
class Inputs {
 public:
  explicit Inputs(std::map<std::string, Value> values) : values_(std::move(values)) {}
  bool has(const std::string& name) const { return values_.count(name) && values_.at(name).index() != 0; }
  template <class T>
  const T& get(const std::string& name) const {
    return std::get<T>(values_.at(name));
  }
  int64_t integer(const std::string& name) const { return get<int64_t>(name); }
  double number(const std::string& name) const { return get<double>(name); }
  const std::string& text(const std::string& name) const { return get<std::string>(name); }
  bool flag(const std::string& name) const { return get<bool>(name); }

 private:
  std::map<std::string, Value> values_;
};

using NodeFunction = std::function<std::vector<Value>(const Inputs&, RunContext&)>;

/// Returns a text that changes when the node would give another result from the same inputs, e.g. the stamp
/// of the folder that a model's name stands for. The function sees constants only: linked inputs have no
/// value yet.
using ChangeToken = std::function<std::string(const Inputs&, const RunContext&)>;

class Foresight;

/// Says, from values without data (tensors of the meta device) and without reading weights, what a node's outputs will
/// be. Linked inputs of which nothing is known are absent. Throws what `run` would throw for such inputs, as far as that
/// can be known: unknown models, sizes that the model does not take, files that cannot be written.
using ForeseeFunction = std::function<std::vector<Value>(const Inputs&, Foresight&)>;

/// Which files a node writes, by its inputs. Those of which nothing is known are absent.
using TargetsFunction = std::function<std::vector<TargetNames>(const Inputs&, const RunContext&)>;

/// `spec.name` is the class_type, `spec.summary` its one-line help. `spec.params` stays empty: the sockets
/// declare the inputs.
struct NodeSpec {
  Spec spec;
  std::string category;
  std::vector<Socket> inputs, outputs;
  NodeFunction run;
  bool sink = false;  // has an effect outside the graph: such nodes are what a run is for
  int version = 1;    // enters the cache key: raise it when results change
  /// False: the node always runs, and so do all that depend on it. A sink is cached only if it has an output
  /// with `file`: the executor can then see whether its work is still there.
  bool cacheable = true;
  ChangeToken change_token = {};  // optional; enters the cache key
  ForeseeFunction foresee = {};   // optional: without it, nothing is known of the outputs before the run
  TargetsFunction targets = {};   // optional: without it, the files that its sockets name (Socket::writes)
  bool light = false;             // `run` itself may be given values without data, and costs nothing

  const Socket* input(std::string_view socket_name) const;
};

class NodeRegistry : public Registry<NodeSpec> {};

/// Fills `registry` with every node in pipeline/nodes/ (generated).
void register_nodes(NodeRegistry& registry);

}  // namespace reel::pipeline
