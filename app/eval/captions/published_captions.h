// Captions of COCO's pictures as evaluations publish them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reel::app {

struct PublishedCaption {
  int64_t id = 0;    // COCO's
  std::string name;  // of the picture's file; of captions without one, the id
  std::string caption;
};

/// Captions as JSON lines, or as one JSON list (the first sign decides), of {"image_id", "caption"}; in place of the id
/// the name of a COCO file may stand as "image", or as "input" as in lines of `reel caption`.
/// Throws: std::runtime_error "[file, line N] ..." for what is no caption, more than a million, a picture twice, or none.
std::vector<PublishedCaption> read_captions(const std::string& file);

/// The pictures in a folder, by name; hidden files are passed over. They have no captions yet.
/// Throws: std::runtime_error for a name without COCO's twelve digits, and an empty folder.
std::vector<PublishedCaption> pictures_of(const std::string& folder);

}  // namespace reel::app
