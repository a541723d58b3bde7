// What a run did, node by node.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "attention/processor.h"

namespace reel::pipeline {

/// What a node has for people to see: a file that it wrote, or a text.
struct Shown {
  std::string kind;  // "video", "image" or "text"
  std::string file;  // path; empty for a text
  bool animated = false;
  std::string text = {};
};

/// What happened to one node.
struct NodeReport {
  std::string id, spec;
  bool cached = false;
  double seconds = 0;
  /// Resident memory of the process while the node ran: exact if the node set a new record, else the largest
  /// of what was seen at its beginning, steps and end.
  int64_t peak_bytes = 0;
  std::map<std::string, std::string> facts;  // e.g. "seed", "path", "step_median_s"
  std::vector<attention::EditReport> edits;
  std::vector<Shown> shown;
  std::vector<std::string> written;  // files besides those that its outputs name
};

/// Every node that the wanted outputs need; `cached` for those that did not have to run, either because their
/// result was remembered or because nothing that ran needed it.
struct Report {
  std::vector<NodeReport> nodes;  // in order of execution
  std::vector<std::string> warnings;
  const NodeReport* find(const std::string& id) const;  // null: no such node
};

}  // namespace reel::pipeline
