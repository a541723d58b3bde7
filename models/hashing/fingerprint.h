// A short text that stands for the weights of a model.
#pragma once

#include <string>

#include "models/model_folder.h"

namespace reel::models {

/// 16 hexadecimal digits that change with a model's weights: of a SHA-256 over the names, sizes, heads and a sample
/// of the data of its files. Takes milliseconds, whatever the size. Throws: std::runtime_error if a file cannot be
/// opened.
std::string model_fingerprint(const ModelFolder& model);

/// The same of one file.
std::string file_fingerprint(const std::string& path);

}  // namespace reel::models
