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

/// While it lives, it receives the progress of one job, writes previews, and passes every event on to the
/// listener that was there before.
class Previews {
 public:
  /// `files`: sampling node -> where its preview goes. `every`: in steps.
  Previews(pipeline::RunOptions& options, int64_t every, std::map<std::string, std::string> files);
  ~Previews();
  Previews(const Previews&) = delete;
  Previews& operator=(const Previews&) = delete;
  /// Removes the previews; called when the videos are complete. If the job fails, they stay, the only thing
  /// that it left.
  void remove();

 private:
  void listen(const pipeline::Progress& event);
  void show(const pipeline::Progress& event, const std::string& file);
  void pass_on(const pipeline::Progress& event) const;

  pipeline::RunOptions& options_;
  std::function<void(const pipeline::Progress&)> next_;
  int64_t every_;
  std::map<std::string, std::string> files_;
  bool failed_ = false;
};

}  // namespace reel::app
