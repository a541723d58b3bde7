// The jobs of a --prompts file.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "pipeline/jobs/generate_options.h"

namespace reel::pipeline {

/// A line of a list: a job, or what is wrong with it.
struct PromptLine {
  int number = 0;  // in the file, from 1
  GenerateOptions options = {};
  std::string fault = {};  // empty: none. "[--prompts, line 3] ..."
};

/// The lines of `stream`, which messages call `name`. A line is a prompt, or a JSON object with names of options
/// (option_reader.h); all other options are those of `base`. Blank lines, and those whose first letter is #, are
/// skipped, as is a byte order mark. Files that the lines do not name are numbered. Bad lines are among the result.
/// Throws: std::invalid_argument if there is no line, or `base` has a prompt that no line can use, or a synopsis.
std::vector<PromptLine> read_prompt_lines(std::istream& stream, const std::string& name,
                                          const GenerateOptions& base);

/// Names the outputs of the lines that have none after their prompts, without a look at the disk: the same list has the
/// same names each time. Equal names get numbers, in the order of the list.
void name_outputs(std::vector<PromptLine>& lines);

/// Marks the lines that would write a file of an earlier line as bad.
void refuse_equal_outputs(std::vector<PromptLine>& lines);

}  // namespace reel::pipeline
