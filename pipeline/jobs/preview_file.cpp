#include "pipeline/jobs/preview_file.h"

#include <filesystem>
#include <stdexcept>
#include <string_view>

#include "models/files/input/input_file.h"
#include "models/files/part_file.h"
#include "pipeline/media/pictures/picture_file.h"
#include "pipeline/media/video_writer.h"

namespace reel::pipeline {
namespace fs = std::filesystem;

namespace {
constexpr uint64_t kMostPictureBytes = uint64_t{1} << 30;  // of a picture
}

bool is_preview(const std::string& path) {
  try {
    const std::string bytes = models::read_input({.path = path, .most_bytes = kMostPictureBytes});
    return media::is_picture(bytes) && media::inspect_picture(path, bytes).text.count(kPreviewMark);
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::string preview_name(const std::string& output) {
  const fs::path path(output);
  std::string stem = path.stem().string();
  if (const size_t percent = stem.find('%'); percent != std::string::npos) {
    size_t begin = percent, end = stem.find('d', percent);
    if (begin > 0 && std::string_view("_-.").find(stem[begin - 1]) != std::string_view::npos) --begin;
    stem.erase(begin, end == std::string::npos ? end : end + 1 - begin);
  }
  return (path.parent_path() / (stem.empty() ? "preview.png" : stem + ".preview.png")).string();
}

void check_preview(const std::string& path, bool overwrite) {
  media::check_output(path, {.overwrite = true});
  std::error_code ignored;
  if (!overwrite && fs::exists(path, ignored) && !is_preview(path)) {
    models::refuse_existing(path, fs::path(path).filename().string());
  }
}

}  // namespace reel::pipeline
