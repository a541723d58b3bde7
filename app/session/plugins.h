// Every plug-in that this build has.
#pragma once

#include "pipeline/plugin_set.h"

namespace reel::app {

/// Filled at the first call.
const pipeline::Plugins& plugins();

}  // namespace reel::app
