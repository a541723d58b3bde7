// The bundled world, for tests.
#pragma once

#include <cstdlib>
#include <string>

#include "pipeline/evaluation/world/world.h"

namespace reel::world {

/// The bundled world. A build that reads no pictures needs a converted copy of its folder, named by
/// $REEL_TEST_WORLD (assets/training/atlas_to_safetensors.py writes one).
inline const World& bundled_world() {
  static const World loaded = [] {
    const char* converted = std::getenv("REEL_TEST_WORLD");
    return load_world(converted ? converted : std::string(REEL_ASSETS_DIR) + "/world");
  }();
  return loaded;
}

}  // namespace reel::world
