// The options of `reel eval chair` and `reel eval pope`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/session/common_options.h"

namespace reel::app {

struct CaptionEvalOptions {
  CommonOptions common;
  std::string world = "emoji";  // or a folder
  int scenes = 200;
  bool broken = false;
  std::vector<std::string> data;              // published files, in place of a world
  std::string images;                         // the folder of their pictures
  std::string instances, captions, synonyms;  // COCO's truth
  std::string prompt;
  std::optional<std::string> suffix;  // of questions
  std::vector<std::string> edits;     // of the only variant
  std::string variants;               // --edits: each of them by itself
  int64_t batch = 16;
  std::optional<int64_t> max_new_tokens;
  std::string output, save;
  bool overwrite = false, truth = false;

  bool published() const { return !data.empty() || !images.empty(); }
};

// Declare what the verb understands; `options` must outlive it.
void add_chair_options(CLI::App& verb, CaptionEvalOptions& options);
void add_pope_options(CLI::App& verb, CaptionEvalOptions& options);

/// Refuses options that would change nothing beside the others. Throws: std::invalid_argument.
void check_chair_options(const CLI::App& verb, const CaptionEvalOptions& options);
void check_pope_options(const CLI::App& verb, const CaptionEvalOptions& options);

/// The edits of each variant: those of --edit as one, or each name of --edits by itself, `none` without edits. A comma
/// begins a new edit unless an option of the last one follows: "none,scale:factor=2,layers=3,carve" are three.
std::vector<std::vector<std::string>> variants_of(const CaptionEvalOptions& options);

}  // namespace reel::app
