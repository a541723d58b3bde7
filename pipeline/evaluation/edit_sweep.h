// Edits whose options take several values each, and the grid of edits that they span.
#pragma once

#include <string>
#include <vector>

#include "attention/edit.h"
#include "attention/plugin/edit_registry.h"

namespace reel::pipeline {

/// An option that takes several values.
struct SweptOption {
  std::string name;                 // EDIT.OPTION; EDIT#2.OPTION for the second edit of that name
  std::vector<std::string> values;  // as they would be typed
};

/// One combination of values, and the edits with them, as --edit takes them.
struct SweepPoint {
  std::vector<std::string> values;  // one for each swept option
  std::vector<std::string> edits;
};

struct EditSweep {
  std::vector<SweptOption> options;
  std::vector<SweepPoint> points;  // the last option changes fastest
};

/// Reads edits written `NAME[:option=value,...][@selector]`. A value may be FROM:TO:STEP (numbers; TO counts
/// if a step meets it) or a|b|c; the selector is never swept. Throws: std::invalid_argument "[sweep] ..." if
/// nothing is swept, for a range without end, a value that comes twice or more than 1000 points; and whatever
/// the registry throws for the edits of a point.
EditSweep parse_sweep(const attention::EditRegistry& registry, const std::vector<std::string>& edits);

}  // namespace reel::pipeline
