// Changes of graphs: pure functions from graph to graph.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// Adds a node. If `id` is empty, it takes the number after the highest. Values are typed by the class's
/// sockets; for a socket that takes links only, `A[:slot]` links it as connect() does.
/// Throws: std::invalid_argument for an unknown class or input (with the nearest choice), an id in use, or a
/// value that the socket does not take.
Graph add_node(const NodeRegistry& registry, Graph graph, const std::string& spec, const std::string& id,
               const std::vector<std::pair<std::string, std::string>>& values);

/// Sets `ID.input` to a value given as text, typed by the socket as in add_node. If there is no socket (an
/// unknown class, or an undeclared input that the file already has), the text becomes JSON if it parses.
/// Throws: std::invalid_argument as add_node does, and for an absent node.
Graph set_input(const NodeRegistry& registry, Graph graph, const std::string& target,
                const std::string& value);

/// The id and the input of a target `ID.input`. Throws: std::invalid_argument for an absent node.
std::pair<std::string, std::string> split_input(const Graph& graph, const std::string& target);

/// Links `A[:slot]` (slot: a number or an output's name; without it the first output of the right type) to
/// `B.input`. Throws: std::invalid_argument for absent nodes, outputs and inputs, and for types that do not
/// match.
Graph connect(const NodeRegistry& registry, Graph graph, const std::string& from, const std::string& to);

/// Removes a node; `unconnected` receives the inputs ("B.input") that lost their link.
/// Throws: std::invalid_argument for an absent node.
Graph remove_node(Graph graph, const std::string& id, std::vector<std::string>& unconnected);

}  // namespace reel::pipeline
