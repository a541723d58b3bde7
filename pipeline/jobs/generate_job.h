// One video to be made: the user's options, completed with the model's defaults and checked.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "attention/plugin/edit_registry.h"
#include "guidance/prompt_key.h"
#include "guidance/scheduler.h"
#include "models/files/output/reservation.h"
#include "models/model_folder.h"
#include "pipeline/jobs/generate_options.h"
#include "pipeline/target_names.h"
#include "pipeline/value.h"

namespace reel::pipeline {

/// The model of a job, as the user names it.
struct ModelChoice {
  std::string name;                      // installed model, or folder
  std::string motion_adapter;            // folder or file; empty: the model's own, if it has one
  std::vector<std::string> models_dirs;  // where models are looked up by name, before the usual folders
};

/// What jobs are checked against. A job points into `edits`, which must outlive it.
struct JobRegistries {
  const attention::EditRegistry& edits;
  const guidance::SchedulerRegistry& schedulers;
};

/// A file that a job writes, and the option that it is for.
struct JobTarget {
  std::string option;
  TargetNames names;
  bool made_up = false;  // from the prompt; a run takes the next name if this one is taken
};

/// A job in which every option has its value.
struct GenerateJob {
  /// As given, with the model's defaults for frames, steps, fps, guidance and guidance_rescale, `model` for the
  /// scheduler that the model names, a drawn seed, and the name of the output.
  GenerateOptions options;
  ModelChoice choice;
  models::ModelFolder model;
  int64_t width = 0, height = 0;  // pixels
  std::string synopsis;           // its text, as the graph carries it
  guidance::PromptKeys stages;    // the stages in it
  std::vector<attention::ParsedEdit> edits;
  std::vector<LoraChoice> loras;
  std::string output_unedited, output_side_by_side;      // with `compare` only
  std::map<std::string, std::string> previews;           // sampling node -> file
  std::shared_ptr<const models::Reservation> kept_name;  // of the output, if the user named none
  std::vector<JobTarget> targets;                        // all files that it writes, the output first
  std::vector<std::string> unused;  // given options that change nothing here, a sentence each
};

/// Fills in the model's defaults, and checks all that can be checked before a model is loaded.
/// Throws: std::invalid_argument, std::runtime_error.
GenerateJob resolve_job(const GenerateOptions& options, const ModelChoice& choice,
                        const JobRegistries& registries);

}  // namespace reel::pipeline
