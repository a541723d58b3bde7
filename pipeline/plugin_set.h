// The registries of all kinds of plug-ins.
#pragma once

#include <memory>

#include "attention/plugin/edit_registry.h"
#include "guidance/guider.h"
#include "guidance/scheduler.h"
#include "models/family.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// Members refer to one another, so that a set stays where it was made.
struct Plugins {
  attention::EditRegistry edits;
  guidance::SchedulerRegistry schedulers;
  guidance::GuiderRegistry guiders;
  models::FamilyRegistry families;
  NodeRegistry nodes;  // one node for each edit included

  Plugins() = default;  // empty
  Plugins(const Plugins&) = delete;
  Plugins& operator=(const Plugins&) = delete;
};

/// Every plug-in that this build has.
std::unique_ptr<const Plugins> every_plugin();

}  // namespace reel::pipeline
