// `--preview N`: a picture of the video so far, every N steps, as a file beside the output.
#pragma once

#include <map>
#include <string>

#include "pipeline/run/run_context.h"

namespace reel::app {

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
