// The inputs of a batch: files, folders, patterns and lists become one list of files, in an order that repeats.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace reel::pipeline {

/// One input of a batch.
struct BatchInput {
  std::string path;  // as the user would write it; of a folder, the folder's name and what follows
  std::optional<std::string> prompt;  // of its own, from a list
  bool operator==(const BatchInput&) const = default;
};

struct InputRules {
  /// Which files of a folder are inputs, by name. Files that the user names himself are always taken.
  std::function<bool(const std::string& name)> takes;
  uint64_t most_inputs = 10'000'000;
};

/// Inputs of a command line, in the order of `arguments`:
/// a folder: its files that `rules` take, of all levels, by name; hidden ones and linked folders are passed over;
/// a pattern (`*`, `?`, `[...]`; `**` stands for any folders): what it matches, by name, if no file is called so;
/// a list (a file that ends in .txt, .list or .jsonl, or `-` for `standard_input`): a line is a path, or a JSON object
/// {"input": path, "prompt": text}; blank lines and those that begin with # are skipped;
/// anything else: the file of that name, be it there or not, so that a missing file is one input's error.
/// Throws: std::invalid_argument "[argument] ..." for a folder or pattern without inputs, a bad line of a list, an
/// input that is named twice, and too many; std::runtime_error for a list that cannot be read.
std::vector<BatchInput> expand_inputs(const std::vector<std::string>& arguments, const InputRules& rules,
                                      std::istream& standard_input);

}  // namespace reel::pipeline
