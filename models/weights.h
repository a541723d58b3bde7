// What a network is built from: tensors asked for by name and shape, with strict accounting.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/files/checkpoint.h"

namespace reel::models {

/// How a network's weights are to be held.
struct LoadOptions {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  /// Tensors without data (meta device): checks a checkpoint, or plans a run, without touching its weights.
  bool shapes_only = false;
  /// Called with each weight that a layer takes, under its full name, in f32 of its own memory, before
  /// conversion to `dtype`; returns whether it changed it. `wants` says beforehand whether it will, to spare
  /// copies.
  struct Patch {
    std::function<bool(const std::string& name)> wants;
    std::function<void(const std::string& name, at::Tensor& weight)> apply;
  };
  std::shared_ptr<Patch> patch;
};

/// All that is wrong with a checkpoint, at once.
class CheckpointError : public std::runtime_error {
 public:
  CheckpointError(const std::string& path, std::vector<std::string> problems);
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

/// A scope within a checkpoint. Copies share the accounting of what was asked for.
class Weights {
 public:
  Weights(Checkpoint checkpoint, LoadOptions options);

  /// The names below `name`. Scopes nest: scope("a").scope("b") is "a.b.".
  Weights scope(const std::string& name) const;

  /// The tensor of that name and shape, in the wanted dtype and on the wanted device (a view of the file
  /// where they are the same). A missing or misshapen tensor is noted for check() and replaced by an empty
  /// one of the right shape.
  at::Tensor get(const std::string& name, at::IntArrayRef shape) const;

  /// get, or an undefined tensor if the checkpoint has none of that name.
  at::Tensor find(const std::string& name, at::IntArrayRef shape) const;

  bool has(const std::string& name) const;
  /// The shape in the file; empty if there is none. For layers whose size no configuration states.
  std::vector<int64_t> shape(const std::string& name) const;
  /// Marks a tensor as known though unused (buffers that are recomputed).
  void ignore(const std::string& name) const;
  const LoadOptions& options() const;
  std::string path(const std::string& name = "") const;  // full name of `name` in this scope

  /// Throws CheckpointError listing every missing, misshapen and unexpected tensor with full names, if any.
  /// At the thousandth that is missing, get() throws it already.
  void check() const;

 private:
  struct State;
  Weights(std::shared_ptr<State> state, std::string prefix)
      : state_(std::move(state)), prefix_(std::move(prefix)) {}
  std::shared_ptr<State> state_;
  std::string prefix_;
};

/// Builds `Network(weights, config...)` twice: first without data, which checks every name and shape and
/// lists all problems; then for real. With options.shapes_only the first is returned.
template <class Build>
auto build_checked(const Checkpoint& checkpoint, LoadOptions options, const Build& build) {
  LoadOptions dry = options;
  dry.shapes_only = true;
  const Weights shapes(checkpoint, dry);
  auto planned = build(shapes);
  shapes.check();
  if (options.shapes_only) return planned;
  planned.reset();
  return build(Weights(checkpoint, options));
}

}  // namespace reel::models
