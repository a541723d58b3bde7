// Edits of graphs: pure functions from graph to graph, and views of them as text.
#pragma once

#include <utility>
#include <vector>

#include "pipeline/graph.h"
#include "pipeline/node.h"

namespace reel::pipeline {

/// Adds a node; `id` empty takes the next free number. Values are typed by the class's sockets.
/// Throws: std::invalid_argument for an unknown class, input or id in use (with the nearest choice).
Graph add_node(const NodeRegistry& registry, Graph graph, const std::string& spec, const std::string& id,
               const std::vector<std::pair<std::string, std::string>>& values);

/// Sets `ID.input` to a value given as text (typed by the socket; untyped text becomes JSON if it parses).
Graph set_input(const NodeRegistry& registry, Graph graph, const std::string& target,
                const std::string& value);

/// Links `A[:slot]` (slot: a number or an output's name) to `B.input`.
Graph connect(const NodeRegistry& registry, Graph graph, const std::string& from, const std::string& to);

/// Removes a node; `unconnected` receives the inputs ("B.input") that lost their link.
Graph remove_node(Graph graph, const std::string& id, std::vector<std::string>& unconnected);

/// The graph as text: nodes in order of execution, one line each, with constants and links.
std::string draw_text(const NodeRegistry& registry, const Graph& graph);
std::string draw_dot(const NodeRegistry& registry, const Graph& graph);
std::string draw_svg(const NodeRegistry& registry, const Graph& graph);

/// Differences by meaning, one line each: nodes are matched by id, then by class and inputs; order, layout
/// and titles do not count. Empty: equal.
std::vector<std::string> diff(const Graph& before, const Graph& after);

}  // namespace reel::pipeline
