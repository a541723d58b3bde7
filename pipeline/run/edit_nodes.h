// Makes a graph node of each attention edit.
#pragma once

#include "attention/plugin/edit_registry.h"
#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// The category of the nodes that add_edit_nodes makes.
inline constexpr const char* kEditCategory = "attention edits";

/// Adds one MODEL -> MODEL node for each edit, made from its spec: the edit's options as inputs, `preset` if
/// it has any (an option left at its default then takes the preset's value), and `selector`, which refines
/// where the edit applies. `edits` must outlive the registry.
void add_edit_nodes(NodeRegistry& registry, const attention::EditRegistry& edits);

}  // namespace reel::pipeline
