// Parses ComfyUI's API format as hostile input.
#pragma once

#include <cstddef>
#include <string>

#include "pipeline/graph/graph.h"

namespace reel::pipeline {

/// The largest graph file that is read.
constexpr size_t kMaxFileBytes = size_t{16} << 20;

/// Reads a graph; messages name it `place`. Unknown keys of nodes are ignored, and all of `_meta` but the
/// title; `{"__value__": x}` around a scalar is unwrapped; null is kept (given_input() says what it
/// means).
/// Throws: GraphError with every problem of form (not an object, no class_type, bad links, duplicate keys,
/// numbers that are not finite or integers outside -2^63 to 2^64 - 1), or with the one that ends reading: not
/// JSON, above 16 MB, 10,000 nodes, 250,000 keys or depth 64. A UI-format file (litegraph) is refused with a
/// sentence that says how to export it.
Graph parse_graph(const std::string& text, const std::string& place);

}  // namespace reel::pipeline
