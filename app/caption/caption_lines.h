// The lines of `reel caption`: one JSON object for each input.
#pragma once

#include <string>
#include <vector>

#include "pipeline/batch/batch.h"
#include "pipeline/captioning/write_captions.h"

namespace reel::app {

/// What every line of a run says.
struct CaptionFacts {
  std::string model;
  std::vector<std::string> edits;
  bool token_ids = false, yesno = false;
};

/// {"input", "index", "caption", "tokens", "finish_reason", "seconds", "model", "edits", ...}
std::string caption_line(const pipeline::BatchInput& input, size_t index, const pipeline::Caption& caption,
                         const CaptionFacts& facts);

/// {"input", "index", "error": {"kind", "message"}}
std::string fault_line(const pipeline::BatchInput& input, size_t index, const pipeline::CaptionFault& fault);

/// Whether `line` is one of these, of that input.
pipeline::Batch::Found recognise_line(const std::string& line, size_t index,
                                      const pipeline::BatchInput& input);

/// The text in a line; empty: it tells of a failure.
std::string text_of_line(const std::string& line);

}  // namespace reel::app
