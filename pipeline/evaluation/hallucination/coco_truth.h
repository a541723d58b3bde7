// Which objects COCO's annotations say are in a picture.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipeline/evaluation/hallucination/object_words.h"

namespace reel::evaluation {

/// Objects by picture id: those of instance annotations (crowds too), and those that reference captions name.
/// Source of the rule: CHAIR (1809.02156).
using CocoTruth = std::map<int64_t, std::set<std::string>>;

/// Reads instances_*.json and captions_*.json of COCO 2014 in one pass, without holding a file in memory; each file is
/// known by its annotations. Pictures without an object have an entry too, if a file lists them.
/// Throws: std::runtime_error "[file] ..." for a file that is neither, and for a category that `words` does not name.
CocoTruth read_coco_truth(const std::vector<std::string>& files, const ObjectWords& words);

/// The id in a name such as COCO_val2014_000000123456.jpg: its last twelve digits. Throws: std::runtime_error.
int64_t coco_picture_id(const std::string& file_name);

}  // namespace reel::evaluation
