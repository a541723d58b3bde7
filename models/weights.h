// What a network is built from: tensors that it asks for by name and shape, with a strict account of what it
// asked for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/files/checkpoint.h"

namespace reel::models {

/// Where and in which type a network keeps its weights.
struct LoadOptions {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  /// Tensors without data (meta device): checks a checkpoint, or plans a run, without touching its weights.
  bool shapes_only = false;
  /// How often a matrix product takes its batch row on a CPU in f32, if the row has few positions: such products
  /// round by their size (docs/adr/0008-batch-law.md). Twice in denoisers, as if both halves of guidance were there.
  int64_t rows_at_once = 1;
  /// Positions that one matrix product takes on a GPU if a batch row has fewer, filled up; rows with more run alone.
  /// Language models set it (kDecodeTile), so that a row does not depend on those beside it. 0: all at once.
  int64_t gpu_tile = 0;
  /// Changes weights as they are loaded. `begin` is told the component's tensors before any weight is read, also if
  /// shapes alone are (it may be empty, and may throw). `wants` is asked first, so that weights which no LoRA changes are
  /// not copied. `apply` then gets the weight under its full name, as an f32 copy, before it is converted to
  /// `dtype`.
  struct Patch {
    std::function<void(const Checkpoint& component)> begin;
    std::function<bool(const std::string& name)> wants;
    std::function<void(const std::string& name, at::Tensor& weight)> apply;
  };
  std::shared_ptr<Patch> patch;
  /// Whether tensors without data stand for those of a CPU: a plan follows the course of computation there.
  bool plans_for_host() const { return shapes_only && device.is_cpu(); }
};

/// Everything that is wrong with a checkpoint, in one error.
class CheckpointError : public std::runtime_error {
 public:
  CheckpointError(const std::string& path, std::vector<std::string> problems);
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

/// The names of a checkpoint that begin with a prefix. Copies share the account of what was asked for.
class Weights {
 public:
  Weights(Checkpoint checkpoint, LoadOptions options);

  /// The names below `name`. Scopes nest: scope("a").scope("b") holds the names that begin with "a.b.".
  Weights scope(const std::string& name) const;

  /// The tensor of that name and shape, in the type of the options, on the host (a view of the file if the type is
  /// the file's own). If it is missing or has another shape, that is noted for check(), and an empty tensor of the
  /// right shape takes its place. A layer arranges the tensor as it needs it, and gives what it keeps to place().
  at::Tensor get(const std::string& name, at::IntArrayRef shape) const;

  /// As get, but undefined if the checkpoint has no tensor of that name.
  at::Tensor find(const std::string& name, at::IntArrayRef shape) const;

  /// Moves a tensor to the device of the options. Every tensor that a layer keeps passes through here, once, in its
  /// final form; undefined ones pass unchanged. Pages of the file that the tensor was made from, and no longer
  /// shares, are given back to the system.
  at::Tensor place(const at::Tensor& tensor) const;

  bool has(const std::string& name) const;
  /// The shape in the file; empty if there is no such tensor. For layers whose size no configuration states.
  std::vector<int64_t> shape(const std::string& name) const;
  /// Marks a tensor as known although no layer takes it (a buffer that is recomputed).
  void ignore(const std::string& name) const;
  const LoadOptions& options() const;
  std::string path(const std::string& name = "") const;  // full name of `name` in this scope

  /// Throws: CheckpointError, with all missing, misshapen and unexpected tensors under their full names, if
  /// there are any. get() throws it early, at the thousandth problem.
  void check() const;

 private:
  struct State;
  Weights(std::shared_ptr<State> state, std::string prefix)
      : state_(std::move(state)), prefix_(std::move(prefix)) {}
  std::shared_ptr<State> state_;
  std::string prefix_;
};

/// Calls `build(weights)` twice: first without data, to check every name and shape and list all problems,
/// then with data. With options.shapes_only it returns what the first call built.
template <class Build>
auto build_checked(const Checkpoint& checkpoint, LoadOptions options, const Build& build) {
  LoadOptions dry = options;
  dry.shapes_only = true;
  const Weights shapes(checkpoint, dry);
  auto planned = build(shapes);
  shapes.check();
  if (options.patch && options.patch->begin) options.patch->begin(checkpoint);
  if (options.shapes_only) return planned;
  planned.reset();
  return build(Weights(checkpoint, options));
}

}  // namespace reel::models
