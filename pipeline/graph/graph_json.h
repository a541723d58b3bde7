// Graph files: ComfyUI's API format, read as hostile input and written with a stable order.
#pragma once

#include <string>

#include "pipeline/graph/graph.h"

namespace reel::pipeline {

/// The largest graph file that is read.
constexpr size_t kMaxFileBytes = size_t{16} << 20;

/// Reads a graph. Unknown keys of nodes are ignored, of `_meta` all but the title; `{"__value__": x}` around
/// a scalar is unwrapped; an input that is null counts as absent. Throws: GraphError with every problem of
/// form (not an object, no class_type, bad links, duplicate keys, numbers that are not finite or integers
/// outside -2^63 to 2^64 - 1), or with the one that ends reading: not JSON, above 16 MB, 10,000 nodes,
/// 250,000 keys or depth 64. A UI-format file (litegraph) is refused with a sentence that says how to
/// export.
Graph parse_graph(const std::string& text, const std::string& place);

/// Throws: as parse_graph; std::runtime_error if the file is missing or cannot be read.
Graph read_graph(const std::string& path);  // "-": standard input

/// Two-space indented JSON: nodes in the graph's order, inputs in the file's order and then by name, laid out
/// as the file was. parse_graph(write_graph(g)) == g for every graph whose integers are int64_t where they
/// fit.
std::string write_graph(const Graph& graph);

/// A JSON string with its quotes; bytes that are no UTF-8 are replaced.
std::string json_quoted(const std::string& text);

/// Writes through a temporary file and a rename; a link is followed, the permissions of an existing file are
/// kept. Throws: std::runtime_error if the file cannot be written.
void save_graph(const Graph& graph, const std::string& path);

}  // namespace reel::pipeline
