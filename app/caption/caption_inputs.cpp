#include "app/caption/caption_inputs.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "app/session/notes.h"
#include "models/files/refuse.h"
#include "pipeline/target_names.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;

/// Names of files that a folder's pictures have.
bool is_picture_name(const std::string& name) {
  static const std::set<std::string> endings = {".jpg",  ".jpeg", ".png", ".webp", ".bmp", ".tif",
                                                ".tiff", ".gif",  ".ppm", ".pgm",  ".pbm", ".y4m"};
  std::string ending = fs::path(name).extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return endings.contains(ending);
}

/// Refuses outputs that are one file, or an input.
void refuse_shared_files(const CaptionOptions& options, const std::vector<pipeline::BatchInput>& inputs) {
  std::map<std::string, std::string> owners;  // of files: who reads or writes them
  const auto own = [&](const std::string& option, const std::string& path) {
    if (path.empty() || path == "-") return;
    const auto [owner, fresh] = owners.emplace(pipeline::TargetNames::of_file(path).key(), option);
    if (!fresh)
      throw std::invalid_argument("[" + option + "] '" + path + "' is the file of " + owner->second +
                                  ", too; give each a file of its own");
  };
  own("-o", options.output);
  own("--journal",
      options.journal.empty() && options.output != "-" ? options.output + ".journal" : options.journal);
  own("--save-tensors", options.save_tensors);
  own("--force-tokens", options.force_tokens);
  for (const std::string& word : options.inputs) {
    if (fs::is_regular_file(word)) own("input", word);
  }
  if (owners.empty()) return;
  for (const pipeline::BatchInput& input : inputs) {
    const auto owner = owners.find(pipeline::TargetNames::of_file(input.path).key());
    if (owner != owners.end() && owner->second != "input")
      throw std::invalid_argument("[" + owner->second + "] '" + input.path +
                                  "' is an input; give the output another name");
  }
}

}  // namespace

std::vector<pipeline::BatchInput> caption_inputs(const CaptionOptions& options) {
  size_t left_out = 0;
  std::set<std::string> kinds;
  const auto takes = [&](const std::string& name) {
    if (is_picture_name(name)) return true;
    ++left_out;
    const std::string kind = fs::path(name).extension().string();
    kinds.insert(kind.empty() ? "no ending" : kind);
    return false;
  };
  auto inputs = pipeline::expand_inputs(options.inputs, {.takes = takes}, std::cin);
  if (left_out > 0)
    note(options.common, std::to_string(left_out) +
                             " files of folders are no pictures by their names and are left out (" +
                             models::few_of({kinds.begin(), kinds.end()}, 8) + "); name them to try them");
  refuse_shared_files(options, inputs);
  return inputs;
}

}  // namespace reel::app
