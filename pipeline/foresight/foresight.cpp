#include "pipeline/foresight/foresight.h"

#include <limits>

#include "pipeline/graph/constant.h"
#include "pipeline/process_memory.h"

namespace reel::pipeline {
namespace {

/// Bytes of a tensor, or the most that a number can hold: a graph can double a picture a hundred times.
int64_t bytes_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return 0;
  double bytes = static_cast<double>(tensor.element_size());
  for (const int64_t size : tensor.sizes()) bytes *= static_cast<double>(size);
  return bytes < 9e18 ? static_cast<int64_t>(bytes) : std::numeric_limits<int64_t>::max() / 4;
}

int64_t bytes_of(const Value& value) {
  if (const auto* images = std::get_if<Images>(&value)) return bytes_of(images->pixels);
  if (const auto* video = std::get_if<media::Frames>(&value)) return bytes_of(video->pixels);
  if (const auto* latent = std::get_if<Latent>(&value)) return bytes_of(latent->samples);
  if (const auto* prompt = std::get_if<PromptContext>(&value)) return bytes_of(prompt->context);
  return 0;
}

int64_t sum(int64_t a, int64_t b) { return a > std::numeric_limits<int64_t>::max() - b ? a : a + b; }

/// Everything that the class needs is there.
bool complete(const NodeSpec& spec, const Inputs& inputs) {
  return std::all_of(spec.inputs.begin(), spec.inputs.end(),
                     [&](const Socket& socket) { return socket.optional || inputs.has(socket.name); });
}

std::vector<TargetNames> targets_of(const NodeSpec& spec, const Inputs& inputs, const RunContext& context) {
  if (spec.targets) return spec.targets(inputs, context);
  // What is no sink names a file for a sampler to record to, and several such get names of their own.
  const auto kind = spec.sink ? TargetNames::Kind::kFixed : TargetNames::Kind::kRecorded;
  std::vector<TargetNames> targets;
  for (const Socket& socket : spec.inputs) {
    if (socket.writes && inputs.has(socket.name) && !inputs.text(socket.name).empty())
      targets.push_back(TargetNames::of_file(inputs.text(socket.name), kind));
  }
  return targets;
}

std::string gigabytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
  return bytes > int64_t{1} << 60 ? "more than a million GB" : text;
}

}  // namespace

Foresight::Foresight(const RunContext& context) : context_(context), base_(process_memory().resident) {
  context_.report = &report_, context_.run_report = nullptr, context_.listener = {};
  peak_ = base_;
}

void Foresight::network(const std::string& name, const models::Plan& plan) {
  weights_[name] = plan.weights;
  transient(context_.options.device.is_cpu() ? plan.kept + plan.returned : 0);
}

void Foresight::look(const Node& node, const NodeSpec& spec, std::map<std::string, Value> inputs,
                     const std::vector<std::string>& sources, size_t uses) {
  report_ = {}, report_.id = node.id, report_.spec = spec.spec.name;
  transient_ = 0;
  std::vector<Value> values;
  const auto fault = [&](const std::string& message) {
    faults_.push_back(
        {{node.id, "", "custom_validation_failed", "values that the node takes", message, "", node.spec},
         std::current_exception()});
  };
  try {
    for (const Socket& socket : spec.inputs) {
      if (const auto value = inputs.find(socket.name); value != inputs.end())
        context_.access.confine(node.id, socket, value->second);
    }
    const Inputs given(std::move(inputs));
    if (spec.foresee)
      values = spec.foresee(given, *this);
    else if (spec.light && complete(spec, given))
      values = spec.run(given, context_);
  } catch (const c10::Error&) {
    // Sizes beyond what a tensor can have; or what no node should throw, and then the run says so itself.
    peak_ = std::numeric_limits<int64_t>::max() / 4, heaviest_ = node_place(node.id, node.spec);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::invalid_argument& error) {
    fault(error.what());
  } catch (const std::runtime_error& error) {
    fault(error.what());
  }
  values.resize(spec.outputs.size());
  keep(node.id, std::move(values), uses);
  int64_t weights = 0;
  for (const auto& [name, bytes] : weights_) weights += bytes;
  // Results that nothing needs any more stay in the engine's cache, as far as that reaches.
  const int64_t cached = std::min(dead_, static_cast<int64_t>(context_.options.cache_bytes));
  const int64_t now = sum(sum(base_ + weights + cached, live_), transient_);
  if (now > peak_) peak_ = now, heaviest_ = node_place(node.id, node.spec);
  for (const std::string& source : sources) release(source);
}

void Foresight::claim(const Node& node, const NodeSpec& spec, std::map<std::string, Value> inputs) {
  std::vector<TargetNames> targets;
  try {
    for (const Socket& socket : spec.inputs) {
      const auto value = inputs.find(socket.name);
      if (value != inputs.end()) context_.access.confine(node.id, socket, value->second);
    }
    targets = targets_of(spec, Inputs(std::move(inputs)), context_);
  } catch (const std::exception&) {  // a path that leads elsewhere: look() says so
    return;
  }
  for (TargetNames& target : targets) {
    for (const auto& [other, claimed] : claims_) {
      if (other == &node || !claimed.meets(target)) continue;
      const std::string message = "[" + printable(target.path(), 4096) + "] is written by " +
                                  node_place(other->id, other->spec) + ", too; give each a file of its own";
      faults_.push_back(
          {{node.id, "", "custom_validation_failed", "values that the node takes", message, "", node.spec},
           std::make_exception_ptr(std::invalid_argument(message))});
      break;
    }
    claims_.emplace_back(&node, std::move(target));
  }
}

void Foresight::known(const std::string& node, std::vector<Value> values, size_t uses) {
  keep(node, std::move(values), uses);
}

void Foresight::keep(const std::string& node, std::vector<Value> values, size_t uses) {
  Known& known = known_[node];
  known = {std::move(values), 0, uses};
  for (const Value& value : known.values) known.bytes = sum(known.bytes, bytes_of(value));
  live_ = sum(live_, known.bytes);
}

void Foresight::release(const std::string& node) {
  const auto found = known_.find(node);
  if (found == known_.end() || found->second.uses == 0 || --found->second.uses > 0) return;
  live_ -= found->second.bytes, dead_ = sum(dead_, found->second.bytes);
}

Value Foresight::value(const std::string& node, size_t slot) const {
  const auto found = known_.find(node);
  return found == known_.end() || slot >= found->second.values.size() ? Value() : found->second.values[slot];
}

void Foresight::check_memory(int64_t available) const {
  if (peak_ <= available) return;
  throw TooLittleMemory("[memory] " + heaviest_ + " would need about " + gigabytes(peak_) +
                        " of memory, this machine has " + gigabytes(available) +
                        "; try fewer frames, a smaller size or VAEDecodeTiled");
}

}  // namespace reel::pipeline
