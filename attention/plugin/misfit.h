// Whether an edit finds anything to change in a model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attention/edit.h"

namespace reel::attention {

/// Why an edit changes nothing: what it needs, and what the model has.
struct Misfit {
  std::string expected, found;
};

/// What is known of a run besides the model's sites.
struct RunShape {
  std::vector<Step> steps;    // empty: unknown
  bool unconditional = true;  // whether there may be unconditional rows: not without guidance
};

/// Empty if the edit acts on some call of the model, or is set to do nothing anyway.
std::optional<Misfit> misfit_of(const EditRule& rule, const std::vector<Site>& sites,
                                const RunShape& run = {});

/// The misfit as a sentence that begins with the edit: it changes nothing, or sees nothing if it only looks.
std::string described(const EditRule& rule, const Misfit& misfit);

/// Refuses an edit that needs more than `served`, which `model` names in the message; before weights are read.
/// Throws: std::invalid_argument with the edit and what it needs.
void refuse_unserved(const EditRule& rule, const Needs& served, const std::string& model);

}  // namespace reel::attention
