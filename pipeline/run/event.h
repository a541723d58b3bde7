// What a run tells while it goes on, for progress bars and event streams.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace reel::pipeline {

/// Makes a picture, uint8 [H, W, 3] on the CPU, of what a node has so far.
using Picture = std::function<at::Tensor()>;

/// A node of the graph that runs.
struct NodeName {
  std::string id, title;  // title: its own, or its class
};

/// The node begins.
struct Started {
  NodeName node;
};

/// These nodes need not run: their results are known, or nothing that runs needs them. Comes before the first node
/// begins, and again for a node that turns out to equal one that has run by then.
struct Cached {
  std::vector<NodeName> nodes;
};

/// The node has done `done` of `all` of its own work.
struct Stepped {
  NodeName node;
  int64_t done = 0, all = 0;
  /// From nodes that have a picture. It costs nothing unless the listener calls it, which it may do until it
  /// returns; the call changes no result.
  Picture picture = {};
};

/// A listener wrote a picture of the work so far.
struct Preview {
  NodeName node;
  int64_t done = 0, all = 0;
  std::string file;
};

/// Something that the user should know. `node` is empty if no node says it.
struct Warning {
  NodeName node;
  std::string message;
};

/// The node has its result.
struct Done {
  NodeName node;
};

/// The run ended with `message`, or was stopped: in the node, or, without a name, between nodes. No other event of the
/// request follows. A request whose graph is unsound throws before its first event.
struct Failed {
  NodeName node;
  std::string message;
  bool stopped = false;
};

struct Event {
  std::string request;  // Request::id
  std::variant<Started, Cached, Stepped, Preview, Warning, Done, Failed> what;
};

/// Called on the thread of the run.
using Listener = std::function<void(const Event&)>;

}  // namespace reel::pipeline
