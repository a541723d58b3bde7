// The graph that makes a video again. It comes out of a recipe, which may be somebody else's.
#pragma once

#include <string>

#include "pipeline/graph/graph.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// What a user may ask for at most by replaying a file that he was given.
constexpr int64_t kMostReplaySteps = 1000;

/// Of the recipe's graph, what the node `wrote` needs, and one WriteVideo in its place with the same id. Nothing else
/// writes: recorders lose their files. `place` names the video in messages.
/// Throws: std::runtime_error if the node is not there, is none that writes videos, or needs another node that writes,
/// or if a sampler has more than kMostReplaySteps steps.
Graph replay_graph(const NodeRegistry& registry, const Graph& recipe, const std::string& wrote,
                   const std::string& place);

}  // namespace reel::pipeline
