#include "app/preview.h"

#include "pipeline/jobs/preview_file.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {

void Previews::pass_on(const pipeline::Event& event) const {
  if (next_) next_(event);
}

void Previews::operator()(const pipeline::Event& event) {
  pass_on(event);
  const auto* step = std::get_if<pipeline::Stepped>(&event.what);
  if (!step || !step->picture || failed_ || step->done % every_ != 0) return;
  const auto file = files_.find(step->node.id);
  if (file != files_.end()) show(event.request, *step, file->second);
}

/// A preview that fails must not cost the video: one warning, and no further ones.
void Previews::show(const std::string& request, const pipeline::Stepped& step, const std::string& file) {
  std::string fault;
  try {
    const std::string text = "step " + std::to_string(step.done) + " of " + std::to_string(step.all);
    media::write_video(file, {step.picture().unsqueeze(0)},
                       {.metadata = {{pipeline::kPreviewMark, text}}, .overwrite = true});
    return pass_on({request, pipeline::Preview{step.node, step.done, step.all, file}});
  } catch (const c10::Error& error) {
    fault = error.what_without_backtrace();
  } catch (const std::exception& error) {
    fault = error.what();
  }
  pass_on({request, pipeline::Warning{step.node, "no further previews: " + fault}});
  failed_ = true;
}

void Previews::remove() {
  for (const auto& [node, file] : files_) {
    std::error_code ignored;
    if (pipeline::is_preview(file)) std::filesystem::remove(file, ignored);
  }
}

}  // namespace reel::app
