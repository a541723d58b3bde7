// The file in which a job shows its video while it is made.
#pragma once

#include <string>

namespace reel::pipeline {

/// The key of a text in the picture, which says that a job may replace and remove the file.
inline constexpr const char* kPreviewMark = "reel_preview";

/// `fox.mp4` -> `fox.preview.png`; a pattern loses its number: `f_%05d.png` -> `f.preview.png`.
std::string preview_name(const std::string& output);

/// Whether an earlier preview left this file.
bool is_preview(const std::string& path);

/// Throws: std::runtime_error if a preview cannot be written: its folder takes no files, or a file of that
/// name exists (unless `overwrite`) and no earlier preview left it.
void check_preview(const std::string& path, bool overwrite);

}  // namespace reel::pipeline
