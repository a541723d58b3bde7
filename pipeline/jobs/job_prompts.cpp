#include "pipeline/jobs/job_prompts.h"

#include <stdexcept>

#include "guidance/synopsis.h"
#include "models/files/utf8.h"
#include "pipeline/jobs/stages_text.h"

namespace reel::pipeline {
namespace {

/// Recipes and reports are JSON, which has no other text.
void check_utf8(const std::string& text) {
  if (models::to_utf8(models::from_utf8(text)) == text) return;
  throw std::invalid_argument(
      "[generate] a prompt must be UTF-8, got other bytes; convert it, for example with iconv -t UTF-8");
}

void check_prompt_at(const std::string& text, int64_t frames) {
  check_utf8(text);
  const int64_t frame = guidance::read_prompt_key("--prompt-at", text).frame;
  if (frame < frames) return;
  throw std::invalid_argument("[--prompt-at] frame " + std::to_string(frame) +
                              " lies beyond the video, whose frames are 0 to " + std::to_string(frames - 1) +
                              "; choose one of them or raise --frames");
}

}  // namespace

void resolve_prompts(GenerateJob& job) {
  const GenerateOptions& options = job.options;
  for (const std::string& text : {options.prompt, options.negative, options.synopsis}) check_utf8(text);
  for (const std::string& key : options.prompt_keys) check_prompt_at(key, *options.frames);
  if (options.synopsis.empty()) return;
  if (!options.prompt.empty())
    throw std::invalid_argument("[--synopsis] takes the place of a prompt, got '" + options.prompt +
                                "' too; leave one of them out");
  if (!options.prompt_keys.empty())
    throw std::invalid_argument(
        "[--synopsis] and --prompt-at both say what is to be seen when; leave one of them out, or write the "
        "frames into the synopsis: \"0:a cat; 15:a dog\"");
  job.synopsis = stages_text(options.synopsis);
  job.stages = guidance::read_synopsis(job.synopsis, *options.frames);
}

}  // namespace reel::pipeline
