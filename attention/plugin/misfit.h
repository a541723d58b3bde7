// Whether an edit finds anything to change in a model.
#pragma once

#include <optional>

#include "attention/edit.h"

namespace reel::attention {

/// Why an edit changes nothing: what it needs, and what the model has.
struct Misfit {
  std::string expected, found;
};

/// Empty if the edit acts at some of the model's sites, or is set to do nothing anyway.
std::optional<Misfit> misfit_of(const EditRule& rule, const std::vector<Site>& sites);

/// Refuses an edit that needs more than `served`, which `model` names in the message; before weights are read.
/// Throws: std::invalid_argument with the edit and what it needs.
void refuse_unserved(const EditRule& rule, const Needs& served, const std::string& model);

}  // namespace reel::attention
