// The options of the verbs of `reel eval`.
#pragma once

#include <string>

#include "app/session/common_options.h"
#include "pipeline/jobs/generate_options.h"

namespace reel::app {

/// The options of all verbs of `reel eval`. A subject reads its own and ignores those of the others.
struct EvalOptions {
  CommonOptions common;
  pipeline::GenerateOptions job;  // its prompt and edits are set for each video
  int prompts = 200, seeds = 1;
  bool truth = false;
  std::string degrade = "none";  // how the truth is degraded
  std::string world;             // folder; empty: the bundled one
  std::string output, save;      // a .csv file; a folder for the videos
  double two_fraction = 0.5;     // share of the scenes that have two objects
  std::string motion;            // that all objects perform; empty: drawn
  std::string prompts_file;      // with sentences and what they state; empty: prompts are drawn
  int stages = 4;                // of a synopsis
  std::string change = "both";   // what differs from stage to stage: background, object or both in turn
};

/// Declares what all verbs understand; `options` must outlive the verb.
void add_eval_options(CLI::App& verb, EvalOptions& options);

// Declare what one subject understands besides.
void add_world_options(CLI::App& verb, EvalOptions& options);
/// Once the verb's options were read: a file of sentences is taken whole unless --prompts was given.
/// Throws: std::invalid_argument if an option of drawn prompts was given beside it.
void settle_world_options(const CLI::App& verb, EvalOptions& options);
void add_synopsis_options(CLI::App& verb, EvalOptions& options);

}  // namespace reel::app
