// Above 300 lines because keys, marking and running share the tasks of one run; run.h says what each does.
#include "pipeline/run/run.h"

#include <torch/version.h>

#include <chrono>
#include <filesystem>

#include "models/hashing/hash.h"
#include "pipeline/graph/constant.h"
#include "pipeline/graph/graph_order.h"
#include "pipeline/process_memory.h"
#include "pipeline/run/file_stamp.h"
#include "pipeline/run/model_cache.h"

namespace reel::pipeline {
namespace {

/// A sink acts outside the graph, so remembering its outputs is not enough: it must name what it wrote.
bool is_cacheable(const NodeSpec& spec) {
  const auto names_file = [](const Socket& socket) { return socket.file; };
  return spec.cacheable && (!spec.sink || std::any_of(spec.outputs.begin(), spec.outputs.end(), names_file));
}

/// Calls `work` and puts the node's place in front of what it throws, keeping the kind of error.
template <class Work>
auto at_node(const Node& node, Work work) {
  const std::string place = node_place(node.id, node.spec);
  try {
    return work();
  } catch (const Cancelled&) {
    throw;
  } catch (const TooLittleMemory& error) {
    throw TooLittleMemory(place + ": " + error.what());
  } catch (c10::Error& error) {
    if (is_out_of_memory(error)) {
      const bool host = !dynamic_cast<const c10::OutOfMemoryError*>(&error);
      throw TooLittleMemory(place + ": [memory] the " + (host ? "machine" : "device") +
                            " has too little: " + error.what_without_backtrace() +
                            "; try fewer frames, a smaller size or a smaller dtype");
    }
    error.add_context(place);
    throw;
  } catch (const std::bad_alloc&) {
    throw TooLittleMemory(place + ": [memory] there is too little; try fewer frames or a smaller size");
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(place + ": " + error.what());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(place + ": " + error.what());
  } catch (const std::exception& error) {
    throw std::logic_error(place + ": " + error.what());
  }
}

/// A scalar in a form that differs whenever the value does.
void hash_value(models::Hash& hash, const Value& value) {
  const auto input = as_input(value);
  hash.field(uint64_t{value.index()}).field(input ? input_text(*input) : "");
}

Value checked(const Socket& socket, const Input& input) {
  Problem problem;
  if (auto value = convert(socket, input, problem)) return *value;
  throw std::invalid_argument("[" + socket.name + "] expected " + problem.expected + ", got " +
                              problem.found + (problem.hint.empty() ? "" : "; " + problem.hint));
}

}  // namespace

Run::Run(const NodeRegistry& registry, RunContext& context, EngineState& state, const Graph& graph,
         RunResult& result)
    : context_(context),
      state_(state),
      graph_(graph),
      result_(result),
      registry_(registry),
      index_(index_by_id(graph)),
      tasks_(graph.nodes.size()) {}

void Run::execute(const std::vector<size_t>& wanted, const BeforeWork& before_work) {
  order_ = order_of_execution(registry_, graph_, wanted);
  for (const size_t i : wanted) tasks_[i].wanted = true;
  for (const size_t i : order_) {
    Task& task = tasks_[i];
    task.node = &graph_.nodes[i];
    task.spec = registry_.find(task.node->spec);
    task.report.id = task.node->id;
    task.report.spec = task.spec->spec.name;
    for (const Socket& socket : task.spec->inputs) {
      task.seeded |= socket.seed;
      const Input* given = given_input(*task.node, socket);
      const auto* link = given ? std::get_if<Link>(given) : nullptr;
      if (!link) continue;
      const size_t source = index_.at(link->node);
      task.seeded |= tasks_[source].seeded;
      if (std::find(task.sources.begin(), task.sources.end(), source) == task.sources.end())
        task.sources.push_back(source);
    }
    read_linked_paths(task);
    task.key = at_node(*task.node, [&] { return make_key(task); });
    result_.keys[task.node->id] = task.key;
    // What this graph uses is worth keeping, even if this run finds all that it needs further down.
    state_.memory.find(task.key);
    if (state_.disk) state_.disk->touch(task.key);
  }
  mark(wanted);
  std::vector<Part> parts;
  for (const size_t i : order_) {
    const Task& task = tasks_[i];
    if (task.must_run || task.outcome) parts.push_back({task.node, task.spec, task.outcome.get()});
  }
  if (before_work) before_work(parts);
  run_marked();
  for (const size_t i : order_) {
    if (tasks_[i].wanted) result_.wanted[tasks_[i].node->id] = tasks_[i].outcome;
    result_.report.nodes.push_back(std::move(tasks_[i].report));
  }
}

/// The path that a link brings decides which file's stamp enters the key, so its source is evaluated first.
void Run::read_linked_paths(const Task& task) {
  std::vector<size_t> targets;
  for (const Socket& socket : task.spec->inputs) {
    const auto given = task.node->inputs.find(socket.name);
    if (!socket.file || given == task.node->inputs.end()) continue;
    if (const auto* link = std::get_if<Link>(&given->second)) targets.push_back(index_.at(link->node));
  }
  mark(targets);
  for (const size_t i : order_) {
    if (tasks_[i].must_run && !tasks_[i].done) run_task(tasks_[i]);
  }
}

std::string Run::make_key(const Task& task) const {
  const NodeSpec& spec = *task.spec;
  models::Hash hash;
  if (!spec.cacheable) return hash.field(state_.salt).field(state_.unique_keys++).hex();
  hash.field("reel result 1").field(REEL_VERSION).field(TORCH_VERSION).field(spec.spec.name);
  hash.field(static_cast<uint64_t>(spec.version)).field(context_.options.device.str());
  hash.field(context_.options.dtype ? c10::toString(*context_.options.dtype) : "auto");
  std::map<std::string, Value> constants;
  for (const Socket& socket : spec.inputs) {
    const Input* given = given_input(*task.node, socket);
    const auto* link = given ? std::get_if<Link>(given) : nullptr;
    std::optional<Value> value;
    if (link) {
      const Task& source = tasks_[index_.at(link->node)];
      hash.field(socket.name).field("link").field(source.key).field(static_cast<uint64_t>(link->slot));
      if (socket.file) value = source.outcome->values.at(static_cast<size_t>(link->slot));
    } else {
      value = given ? checked(socket, *given) : default_of(socket);
      if (!value || socket.permission) continue;
      hash.field(socket.name).field("value");
      hash_value(hash, *value);
      constants[socket.name] = *value;
    }
    if (socket.writes) {
      const std::string& folder = context_.access.folder;
      hash.field("below").field(std::filesystem::absolute(folder.empty() ? "." : folder).string());
    }
    const auto* path = value && socket.file ? std::get_if<std::string>(&*value) : nullptr;
    if (path) hash.field("file").field(file_stamp(*path));
  }
  if (spec.change_token) hash.field("token").field(spec.change_token(Inputs(std::move(constants)), context_));
  return hash.hex();
}

std::shared_ptr<const Outcome> Run::look_up(const Task& task, bool also_on_disk) {
  if (!is_cacheable(*task.spec)) return nullptr;
  if (auto outcome = state_.memory.find(task.key)) {
    if (files_unchanged(*outcome)) return outcome;
    state_.memory.remove(task.key);
  }
  if (!also_on_disk || !state_.disk) return nullptr;
  const auto warn = [&](const std::string& message) { context_.warn(message); };
  auto outcome = state_.disk->find(task.key, context_.options.device, warn);
  if (!outcome) return nullptr;
  if (!files_unchanged(*outcome) || outcome->values.size() != task.spec->outputs.size()) {
    state_.disk->remove(task.key);
    return nullptr;
  }
  state_.memory.put(task.key, outcome);
  return outcome;
}

void Run::mark(std::vector<size_t> targets) {
  while (!targets.empty()) {
    Task& task = tasks_[targets.back()];
    targets.pop_back();
    if (task.outcome || task.must_run) continue;
    if ((task.outcome = look_up(task, true))) continue;
    task.must_run = true;
    targets.insert(targets.end(), task.sources.begin(), task.sources.end());
  }
}

/// Runs what is marked and lets go of values as soon as nothing needs them, so that a run holds no more than
/// it must.
void Run::run_marked() {
  for (const size_t i : order_) {
    if (!tasks_[i].must_run || tasks_[i].done) continue;
    for (const size_t source : tasks_[i].sources) ++tasks_[source].consumers_left;
  }
  std::vector<NodeName> cached;
  for (const size_t i : order_) {
    Task& task = tasks_[i];
    if (task.done || task.must_run) continue;
    show_again(task, task.outcome ? task.outcome : state_.memory.find(task.key));
    cached.push_back(name_of(task));
  }
  if (!cached.empty()) context_.tell(Cached{std::move(cached)});
  for (const size_t i : order_) release(tasks_[i]);
  for (const size_t i : order_) {
    Task& task = tasks_[i];
    if (task.done || !task.must_run) continue;
    run_task(task);
    for (const size_t source : task.sources) {
      --tasks_[source].consumers_left;
      release(tasks_[source]);
    }
    release(task);
  }
}

void Run::release(Task& task) {
  if (task.consumers_left == 0 && !task.wanted && (task.done || !task.must_run)) task.outcome.reset();
}

void Run::run_task(Task& task) {
  task.done = true;
  if (const auto twin = look_up(task, false)) {  // an equal node of this graph has run by now
    task.outcome = twin;
    show_again(task, twin);
    return context_.tell(Cached{{name_of(task)}});
  }
  context_.throw_if_stopped();
  context_.report = &task.report;
  context_.title = name_of(task).title;
  context_.tell(Started{name_of(task)});
  const ProcessMemory before = process_memory();
  const auto start = std::chrono::steady_clock::now();
  task.report.peak_bytes = before.resident;
  at_node(*task.node, [&] { keep(task, run_node(task)); });
  task.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const ProcessMemory after = process_memory();
  task.report.peak_bytes =
      after.peak > before.peak ? after.peak : std::max(task.report.peak_bytes, after.resident);
  context_.tell(Done{name_of(task)});
  context_.report = nullptr;
}

/// If the device is full, lets go of networks that nothing uses (text encoders, when sampling) and tries again.
std::vector<Value> Run::run_node(const Task& task) {
  const Inputs inputs = inputs_of(task);
  try {
    return task.spec->run(inputs, context_);
  } catch (const c10::OutOfMemoryError&) {
    if (!context_.models || context_.models->free() == 0) throw;
  }
  return task.spec->run(inputs, context_);
}

Inputs Run::inputs_of(const Task& task) const {
  std::map<std::string, Value> values;
  for (const Socket& socket : task.spec->inputs) {
    const Input* given = given_input(*task.node, socket);
    if (!given) {
      if (auto value = default_of(socket)) values[socket.name] = std::move(*value);
    } else if (const auto* link = std::get_if<Link>(given)) {
      values[socket.name] = linked_value(task, socket, *link);
    } else {
      values[socket.name] = checked(socket, *given);
    }
    if (const auto value = values.find(socket.name); value != values.end())
      context_.access.confine(task.node->id, socket, value->second);
  }
  return Inputs(std::move(values));
}

/// A value from another node has the right type but is checked against range and choices only here.
Value Run::linked_value(const Task& task, const Socket& socket, const Link& link) const {
  const Value& value = tasks_[index_.at(link.node)].outcome->values.at(static_cast<size_t>(link.slot));
  if (std::holds_alternative<std::monostate>(value) && !socket.optional) {
    throw std::invalid_argument("[" + socket.name + "] expected " + expectation(socket) +
                                ", got nothing from " + node_place(link.node, "") +
                                "; this input must have a value");
  }
  const auto scalar = as_input(value);
  // Seeds above 2^63 - 1 travel as negative numbers, bit for bit.
  return scalar && takes_constants(socket) && !socket.seed ? checked(socket, *scalar) : value;
}

void Run::keep(Task& task, std::vector<Value> values) {
  const NodeSpec& spec = *task.spec;
  if (values.size() != spec.outputs.size()) {
    throw std::logic_error("[" + spec.spec.name + "] must return " + std::to_string(spec.outputs.size()) +
                           " values, returned " + std::to_string(values.size()));
  }
  auto outcome = std::make_shared<Outcome>();
  bool cacheable = is_cacheable(spec);
  for (size_t slot = 0; slot < values.size(); ++slot) {
    const Socket& output = spec.outputs[slot];
    if (!std::holds_alternative<std::monostate>(values[slot]) && !fits(output.type, values[slot])) {
      throw std::logic_error("[" + spec.spec.name + "] must return " + output.type + " as output " +
                             std::to_string(slot) + ", returned another type");
    }
    const auto* path = output.file ? std::get_if<std::string>(&values[slot]) : nullptr;
    if (!path) continue;
    outcome->written.emplace_back(*path, file_stamp(*path));
    cacheable = cacheable &&
                !outcome->written.back().second.empty();  // a pipe, for instance, cannot be looked at later
  }
  for (const std::string& path : task.report.written) outcome->written.emplace_back(path, file_stamp(path));
  outcome->values = std::move(values);
  outcome->facts = task.report.facts;
  outcome->edits = task.report.edits;
  outcome->shown = task.report.shown;
  task.outcome = outcome;
  if (!cacheable || (task.seeded && !context_.recurs)) return;
  state_.memory.put(task.key, outcome);
  if (state_.disk)
    state_.disk->put(task.key, *outcome, [&](const std::string& message) { context_.warn(message); });
}

/// What a cached node showed when it ran is shown again.
void Run::show_again(Task& task, const std::shared_ptr<const Outcome>& known) {
  task.report.cached = true;
  if (known)
    task.report.facts = known->facts, task.report.edits = known->edits, task.report.shown = known->shown;
}

NodeName Run::name_of(const Task& task) {
  return {task.node->id, task.node->title.empty() ? task.node->spec : task.node->title};
}

}  // namespace reel::pipeline
