// Sentences and what they state of a scene, from a file.
#pragma once

#include <string>
#include <vector>

#include "pipeline/evaluation/world/scene.h"

namespace reel::world {

/// A sentence, and what it states; the rest of the scene is open.
struct ToldScene {
  std::string prompt;
  Scene stated;      // either of two objects may be in the left half
  std::string kind;  // of a group of sentences that is counted by itself; empty: none
};

/// Reads a file with one JSON object a line, of at most 2^20 lines:
/// {"prompt": "a dog, a cat jumps", "objects": ["dog", "cat"], "motions": ["", "bouncing"], "background": "on grass",
/// "kind": "by hand"}. Names are the world's. `motions` has an entry for each object or is left out; an empty name, and
/// a background that is left out, are open. Blank lines are skipped.
/// Throws: std::runtime_error "[path] line 3: ..." for a line that is something else; if there is no line at all.
std::vector<ToldScene> read_told_scenes(const World& world, const std::string& path);

}  // namespace reel::world
