// The drawn scenes of an evaluation: their truth, their pictures, and both in a folder.
#pragma once

#include <string>
#include <vector>

#include "app/eval/captions/caption_eval_options.h"
#include "pipeline/evaluation/still_scenes/still_scene.h"

namespace reel::app {

class SceneSet {
 public:
  /// Reads the world and draws the scenes; fewer scenes of a seed are the first of more.
  /// Throws: std::runtime_error for a damaged world; std::invalid_argument for a folder of --save that cannot be made.
  explicit SceneSet(const CaptionEvalOptions& options);

  const world::StillWorld& still() const { return still_; }
  const std::vector<world::StillScene>& scenes() const { return scenes_; }
  /// `0001.png`: the file that --save writes.
  std::string name(size_t scene) const;
  /// uint8 [H, W, 3]; on any thread.
  at::Tensor picture(size_t scene) const;
  /// Names of what is drawn, and of the partners that are not.
  std::set<std::string> drawn(size_t scene) const;
  std::set<std::string> missing(size_t scene) const;

  /// Writes the pictures and `truth.jsonl`, a line each, into the folder of --save. Nothing without one.
  void save() const;
  /// Writes one more text into that folder. Nothing without one.
  void save_text(const std::string& name, const std::string& text) const;

 private:
  const CaptionEvalOptions& options_;
  world::StillWorld still_;
  std::vector<world::StillScene> scenes_;
};

}  // namespace reel::app
