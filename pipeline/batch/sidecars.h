// Texts beside the files that they are about: photo.jpg gets photo.txt.
#pragma once

#include <string>
#include <vector>

#include "pipeline/batch/input_list.h"

namespace reel::pipeline {

/// The name of an input's text.
std::string sidecar_of(const BatchInput& input);

/// Looks before the work whether all texts can be written.
/// Throws: std::invalid_argument if two inputs would share a text, or a text is an input itself; std::runtime_error if
/// texts are there and `may_be_there` is not set.
void check_sidecars(const std::vector<BatchInput>& inputs, bool may_be_there);

/// Writes a text, complete or not at all. Returns false if another text is there, which stays unless `overwrite`.
/// Throws: std::runtime_error if it cannot be written.
bool write_sidecar(const BatchInput& input, const std::string& text, bool overwrite);

}  // namespace reel::pipeline
