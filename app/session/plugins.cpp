#include "app/session/plugins.h"

#include "pipeline/run/edit_nodes.h"

namespace reel::app {

const Plugins& plugins() {
  static const Plugins all = [] {
    Plugins p;
    attention::register_edits(p.edits);
    guidance::register_schedulers(p.schedulers);
    models::register_families(p.families);
    pipeline::register_nodes(p.nodes);
    return p;
  }();
  // Edit nodes refer to the edits, so they are added where both have their final address.
  static const bool complete = [] {
    pipeline::add_edit_nodes(const_cast<pipeline::NodeRegistry&>(all.nodes), all.edits);
    return true;
  }();
  (void)complete;
  return all;
}

}  // namespace reel::app
