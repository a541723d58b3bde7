#include "pipeline/run/report.h"

namespace reel::pipeline {

const NodeReport* Report::find(const std::string& id) const {
  for (const NodeReport& node : nodes) {
    if (node.id == id) return &node;
  }
  return nullptr;
}

}  // namespace reel::pipeline
