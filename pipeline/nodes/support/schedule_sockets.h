// Sockets of the nodes that spread prompts over frames.
#pragma once

#include "guidance/prompt_schedule.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// `length`: frames of the video.
inline Socket length_socket() {
  return {.name = "length",
          .type = "INT",
          .help = "frames of the video",
          .default_value = int64_t{16},
          .range = Range{1, 4096}};
}

/// `blend`: linear or hold, between two of what `keys` names.
inline Socket blend_socket(const std::string& keys) {
  return {.name = "blend",
          .type = "COMBO",
          .help = "between two " + keys + ": mix their contexts, or hold the earlier one",
          .default_value = "linear",
          .choices = {"linear", "hold"}};
}

inline guidance::PromptBlend blend_of(const Inputs& inputs) {
  return inputs.text("blend") == "hold" ? guidance::PromptBlend::kHold : guidance::PromptBlend::kLinear;
}

}  // namespace reel::pipeline
