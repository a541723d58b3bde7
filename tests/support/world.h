// The bundled world, for tests.
#pragma once

#include <cstdlib>
#include <string>

#include "pipeline/evaluation/still_scenes/still_world.h"
#include "pipeline/evaluation/world/world.h"

namespace reel::world {

/// The bundled world. A build that reads no pictures needs a converted copy of its folder, named by
/// $REEL_TEST_WORLD (assets/training/atlas_to_safetensors.py writes one).
inline std::string bundled_world_folder() {
  const char* converted = std::getenv("REEL_TEST_WORLD");
  return converted ? converted : std::string(REEL_ASSETS_DIR) + "/world";
}
inline const World& bundled_world() {
  static const World loaded = load_world(bundled_world_folder());
  return loaded;
}
inline const StillWorld& bundled_still_world() {
  static const StillWorld loaded = load_still_world(bundled_world_folder());
  return loaded;
}

}  // namespace reel::world
