// Graph files: reads them, and writes them with a stable order.
#pragma once

#include <string>

#include "pipeline/graph/graph.h"

namespace reel::pipeline {

/// Reads the file `path`, or standard input for "-". Throws: as parse_graph (graph_reader.h);
/// std::runtime_error if the file is missing or cannot be read.
Graph read_graph(const std::string& path);

/// Two-space indented JSON: nodes in the graph's order, inputs in the file's order and then by name, laid out
/// as the file was. parse_graph(write_graph(g)) == g for every graph whose integers are int64_t if they fit.
std::string write_graph(const Graph& graph);

/// A JSON string with its quotes; bytes that are not UTF-8 are replaced.
std::string json_quoted(const std::string& text);

/// Writes through a temporary file and a rename; a link is followed, and an existing file keeps its
/// permissions. Throws: std::runtime_error if the file cannot be written, or exists (unless `overwrite`).
void save_graph(const Graph& graph, const std::string& path, bool overwrite = true);

}  // namespace reel::pipeline
