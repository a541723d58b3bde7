// Every plug-in that this build has.
#pragma once

#include "attention/plugin/edit_registry.h"
#include "guidance/scheduler.h"
#include "models/family.h"
#include "pipeline/graph/node.h"

namespace reel::app {

struct Plugins {
  attention::EditRegistry edits;
  guidance::SchedulerRegistry schedulers;
  models::FamilyRegistry families;
  pipeline::NodeRegistry nodes;  // one node for each edit included
};

/// Filled at the first call.
const Plugins& plugins();

}  // namespace reel::app
