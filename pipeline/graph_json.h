// Graph files: ComfyUI's API format, read as hostile input and written with a stable order.
#pragma once

#include <string>

#include "pipeline/graph.h"

namespace reel::pipeline {

/// Throws: GraphError with every problem of form (not an object, no class_type, bad links, duplicate keys,
/// numbers that are not finite, above 16 MB, 10,000 nodes or depth 64). A UI-format file (litegraph) is
/// refused with a sentence that says how to export.
Graph parse_graph(const std::string& text, const std::string& place);
Graph read_graph(const std::string& path);  // "-": standard input

/// Two-space indented JSON: nodes in the graph's order, inputs by name.
std::string write_graph(const Graph& graph);

/// Writes through a temporary file and a rename.
void save_graph(const Graph& graph, const std::string& path);

}  // namespace reel::pipeline
