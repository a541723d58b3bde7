#include "app/preview.h"

#include "models/files/part_file.h"
#include "pipeline/media/pictures/picture_file.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace fs = std::filesystem;
namespace {

constexpr const char* kMark = "reel_preview";  // a text in the picture: this file may be replaced and removed

bool is_preview(const std::string& path) {
  try {
    std::ifstream stream(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    return media::is_picture(bytes) && media::inspect_picture(path, bytes).text.count(kMark);
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace

std::string preview_name(const std::string& output) {
  const fs::path path(output);
  std::string stem = path.stem().string();
  if (const size_t percent = stem.find('%'); percent != std::string::npos) {
    size_t begin = percent, end = stem.find('d', percent);
    if (begin > 0 && std::string_view("_-.").find(stem[begin - 1]) != std::string_view::npos) --begin;
    stem.erase(begin, end == std::string::npos ? end : end + 1 - begin);
  }
  return (path.parent_path() / (stem.empty() ? "preview.png" : stem + ".preview.png")).string();
}

void check_preview(const std::string& path, bool overwrite) {
  media::check_output(path, {.overwrite = true});
  std::error_code ignored;
  if (!overwrite && fs::exists(path, ignored) && !is_preview(path)) {
    models::refuse_existing(path, fs::path(path).filename().string());
  }
}

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
    media::write_video(file, {step.picture().unsqueeze(0)}, {.metadata = {{kMark, text}}, .overwrite = true});
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
    if (is_preview(file)) fs::remove(file, ignored);
  }
}

}  // namespace reel::app
