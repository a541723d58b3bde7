// A job as a graph.
#pragma once

#include "pipeline/graph/graph.h"
#include "pipeline/jobs/generate_job.h"

namespace reel::pipeline {

/// The template assets/graphs/generate.json with the job's values bound, and a node for each LoRA, edit and further
/// output. Node ids are fixed: model, positive, negative, latent, sampler, decode, video, write.
Graph build_graph(const GenerateJob& job);

}  // namespace reel::pipeline
