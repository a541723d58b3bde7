// Where a run may write. A graph, a job list or a recipe may be somebody else's: it does not decide about this.
#pragma once

#include <compare>
#include <functional>
#include <set>
#include <string>

#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// An input of a node of a graph.
struct InputName {
  std::string node, input;
  auto operator<=>(const InputName&) const = default;
};

/// What the user allowed, on the command line.
struct WriteAccess {
  /// Paths of a graph are relative to this folder, and lead below it; empty: the working folder.
  std::string folder = {};
  /// Inputs whose values the user gave himself: paths among them are taken as they are, relative to the working
  /// folder, and permissions (Socket::permission) among them count.
  std::set<InputName> named = {};
  bool replace = false;  // existing files may be replaced
  /// Files of which it is known that an earlier run made them, and that nobody changed since: replaced without asking.
  std::function<bool(const std::string& path)> is_own = {};

  bool may_replace(const std::string& path) const { return replace || (is_own && is_own(path)); }

  /// The path that a node may write to, for the text that its input holds.
  /// Throws: std::invalid_argument "[path] ..." for one that leads out of the folder, or holds control characters.
  std::string path_for(const InputName& input, const std::string& given) const;

  /// Makes of what a graph says of an input what the node may do: path_for() of sockets that write, and the user's word
  /// instead of the graph's for permissions. Other values stay.
  void confine(const std::string& node, const Socket& socket, Value& value) const;
};

/// Every input of a graph: for graphs that the program built from what its user typed.
std::set<InputName> all_inputs(const Graph& graph);

}  // namespace reel::pipeline
