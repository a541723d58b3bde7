#include "pipeline/plugin_set.h"

#include "pipeline/run/edit_nodes.h"

namespace reel::pipeline {

std::unique_ptr<const Plugins> every_plugin() {
  auto all = std::make_unique<Plugins>();
  attention::register_edits(all->edits);
  guidance::register_schedulers(all->schedulers);
  guidance::register_guiders(all->guiders);
  models::register_families(all->families);
  register_nodes(all->nodes);
  add_edit_nodes(all->nodes, all->edits);
  return all;
}

}  // namespace reel::pipeline
