#include "pipeline/foresight/graph_foresight.h"

#include <set>

#include "pipeline/graph/constant.h"

namespace reel::pipeline {
namespace {

/// The constant or the known value of an input; monostate: unknown, or not what the socket takes.
Value input_value(const Foresight& foresight, const Node& node, const Socket& socket) {
  const Input* given = given_input(node, socket);
  if (!given) return default_of(socket).value_or(Value());
  Problem ignored;
  if (const auto* link = std::get_if<Link>(given)) {
    Value value = foresight.value(link->node, static_cast<size_t>(std::max(link->slot, 0)));
    const auto scalar = as_input(value);
    return scalar && takes_constants(socket) && !socket.seed
               ? convert(socket, *scalar, ignored).value_or(Value())
               : value;
  }
  return convert(socket, *given, ignored).value_or(Value());
}

std::set<std::string> sources_of(const PlannedNode& planned) {
  std::set<std::string> sources;
  for (const Socket& socket : planned.spec->inputs) {
    const Input* given = given_input(*planned.node, socket);
    const auto* link = given ? std::get_if<Link>(given) : nullptr;
    if (link) sources.insert(link->node);
  }
  return sources;
}

bool of_graph(const Foresight::Fault& fault) {
  try {
    std::rethrow_exception(fault.error);
  } catch (const std::runtime_error&) {
    return false;
  } catch (...) {
    return true;
  }
}

}  // namespace

void foresee(Foresight& foresight, const std::vector<PlannedNode>& nodes) {
  std::map<std::string, size_t> uses;
  for (const PlannedNode& planned : nodes) {
    for (const std::string& source : sources_of(planned)) uses[source] += planned.result == nullptr;
  }
  for (const PlannedNode& planned : nodes) {
    const std::string& id = planned.node->id;
    std::map<std::string, Value> inputs;
    for (const Socket& socket : planned.spec->inputs) {
      if (Value value = input_value(foresight, *planned.node, socket); value.index() != 0)
        inputs[socket.name] = std::move(value);
    }
    foresight.claim(*planned.node, *planned.spec, inputs);
    if (planned.result) {
      foresight.known(id, *planned.result, uses[id]);
      continue;
    }
    const auto sources = sources_of(planned);
    foresight.look(*planned.node, *planned.spec, std::move(inputs), {sources.begin(), sources.end()},
                   uses[id]);
  }
}

void throw_faults(const Foresight& foresight, int64_t memory) {
  const auto& faults = foresight.faults();
  if (faults.empty()) return foresight.check_memory(memory);
  const bool graph = std::any_of(faults.begin(), faults.end(), of_graph);
  if (faults.size() > 1 && graph) {
    std::vector<Problem> problems;
    for (const auto& fault : faults) problems.push_back(fault.problem);
    throw GraphError(std::move(problems));
  }
  std::string text;
  for (const auto& fault : faults) {
    text += (text.empty() ? "" : "\n") + node_place(fault.problem.node, fault.problem.spec) + ": " +
            fault.problem.found;
  }
  if (graph) throw std::invalid_argument(text);
  throw std::runtime_error(text);
}

}  // namespace reel::pipeline
