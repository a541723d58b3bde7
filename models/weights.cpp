#include "models/weights.h"

namespace reel::models {

struct Weights::State {
  Checkpoint checkpoint;
  LoadOptions options;
  std::set<std::string> asked;
  std::vector<std::string> problems;
  std::map<std::string, const void*>
      views;  // of the file, by name, that get() returned and place() has not seen
};

namespace {

constexpr size_t kMaxProblems = 1000;

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string list(const std::string& path, const std::vector<std::string>& problems) {
  std::string text = "[" + path + "] does not fit its configuration, " + std::to_string(problems.size()) +
                     (problems.size() == 1 ? " problem:" : " problems:");
  for (const std::string& problem : problems) text += "\n  " + problem;
  return text + "\nCheck that config.json and the weights belong together.";
}

}  // namespace

CheckpointError::CheckpointError(const std::string& path, std::vector<std::string> problems)
    : std::runtime_error(list(path, problems)), problems_(std::move(problems)) {}

Weights::Weights(Checkpoint checkpoint, LoadOptions options)
    : state_(std::make_shared<State>(State{std::move(checkpoint), std::move(options), {}, {}})) {}

Weights Weights::scope(const std::string& name) const { return {state_, prefix_ + name + "."}; }

std::string Weights::path(const std::string& name) const { return prefix_ + name; }

const LoadOptions& Weights::options() const { return state_->options; }

bool Weights::has(const std::string& name) const { return state_->checkpoint.has(prefix_ + name); }

std::vector<int64_t> Weights::shape(const std::string& name) const {
  return has(name) ? state_->checkpoint.info(prefix_ + name).shape : std::vector<int64_t>{};
}

void Weights::ignore(const std::string& name) const { state_->asked.insert(prefix_ + name); }

at::Tensor Weights::find(const std::string& name, at::IntArrayRef shape) const {
  return has(name) ? get(name, shape) : at::Tensor();
}

at::Tensor Weights::get(const std::string& name, at::IntArrayRef shape) const {
  const std::string full = prefix_ + name;
  const LoadOptions& options = state_->options;
  const auto planned = [&] { return at::empty(shape, at::TensorOptions(options.dtype).device(at::kMeta)); };
  const bool first_time = state_->asked.insert(full).second;
  if (!state_->checkpoint.has(full)) {
    if (first_time) state_->problems.push_back("missing: " + full + " " + shape_text(shape));
    // A configuration of absurdly many layers: stop here instead of listing them all.
    if (state_->problems.size() >= kMaxProblems) {
      throw CheckpointError(state_->checkpoint.path, state_->problems);
    }
    return planned();
  }
  const TensorInfo& info = state_->checkpoint.info(full);
  if (at::IntArrayRef(info.shape) != shape) {
    if (first_time) {
      state_->problems.push_back("wrong shape: " + full + " must be " + shape_text(shape) + ", got " +
                                 shape_text(info.shape));
    }
    return planned();
  }
  if (options.shapes_only) return planned();
  at::Tensor tensor = state_->checkpoint.view(full);
  const bool patched = options.patch && options.patch->wants(full);
  if (patched) {
    tensor = tensor.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    options.patch->apply(full, tensor);
  }
  if (!patched && tensor.scalar_type() == options.dtype) {
    state_->views[full] = tensor.const_data_ptr();
    return tensor;
  }
  at::Tensor converted = tensor.to(options.dtype);
  state_->checkpoint.release(full);  // the file's copy is not read again: let the system have its pages
  return converted;
}

at::Tensor Weights::place(const at::Tensor& tensor) const {
  const LoadOptions& options = state_->options;
  if (!tensor.defined()) return tensor;
  const at::Tensor kept = options.shapes_only ? tensor : tensor.to(options.device);
  // Whoever still shares a page that is given back reads it from the file again.
  for (const auto& [name, data] : state_->views) {
    if (kept.is_cpu() && kept.const_data_ptr() == data) continue;
    state_->checkpoint.release(name);
  }
  state_->views.clear();
  return kept;
}

void Weights::check() const {
  std::vector<std::string> problems = state_->problems;
  for (const std::string& name : state_->checkpoint.names()) {
    if (!state_->asked.count(name)) {
      problems.push_back("unexpected: " + name + " " + shape_text(state_->checkpoint.info(name).shape));
    }
  }
  if (!problems.empty()) throw CheckpointError(state_->checkpoint.path, std::move(problems));
}

}  // namespace reel::models
