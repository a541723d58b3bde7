// Tells whether a file or folder has changed, without reading its content.
#pragma once

#include <string>
#include <vector>

#include "models/files/part_file.h"

namespace reel::pipeline {

/// Size and time of a file; of a file adapter_model.* also of the adapter_config.json beside it; for a folder, of the files in it (all levels, the first 10,000 by name; linked
/// folders are not entered); for a name with a number pattern, as in frame_%05d.png, of the files that match.
/// Empty if there is nothing. Two equal stamps mean "unchanged" for all practical purposes.
std::string file_stamp(const std::string& path);

/// The file_stamp(path) that there will be once these parts, all files of the output `path`, have their names.
std::string stamp_of_parts(const std::string& path, const std::vector<models::NamedPart>& parts);

}  // namespace reel::pipeline
