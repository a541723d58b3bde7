#include "app/session/plugins.h"

namespace reel::app {

const pipeline::Plugins& plugins() {
  static const std::unique_ptr<const pipeline::Plugins> all = pipeline::every_plugin();
  return *all;
}

}  // namespace reel::app
