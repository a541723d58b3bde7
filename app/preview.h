// `--preview N`: a picture of the video so far, every N steps, as a file beside the output.
#pragma once

#include <map>
#include <string>

#include "pipeline/run/run_context.h"

namespace reel::app {

/// `fox.mp4` -> `fox.preview.png`; a pattern loses its number: `f_%05d.png` -> `f.preview.png`.
std::string preview_name(const std::string& output);

/// Throws: std::runtime_error if a preview cannot be written: its folder takes no files, or a file of that
/// name exists (unless `overwrite`) and no earlier preview left it.
void check_preview(const std::string& path, bool overwrite);

/// Receives the events of one job, writes previews, and passes every event on.
class Previews {
 public:
  /// `next`: gets every event, and may be empty. `every`: in steps. `files`: sampling node -> where its preview goes.
  Previews(pipeline::Listener next, int64_t every, std::map<std::string, std::string> files)
      : next_(std::move(next)), every_(every), files_(std::move(files)) {}
  void operator()(const pipeline::Event& event);
  /// Removes the previews; called when the videos are complete. If the job fails, they stay, the only thing
  /// that it left.
  void remove();

 private:
  void show(const std::string& request, const pipeline::Stepped& step, const std::string& file);
  void pass_on(const pipeline::Event& event) const;

  pipeline::Listener next_;
  int64_t every_;
  std::map<std::string, std::string> files_;
  bool failed_ = false;
};

}  // namespace reel::app
