#include "pipeline/jobs/prompt_lines.h"

#include <cctype>
#include <stdexcept>

#include "pipeline/jobs/option_reader.h"
#include "pipeline/jobs/output_names.h"

namespace reel::pipeline {
namespace {

GenerateOptions options_of_line(const std::string& line, int number, const GenerateOptions& base) {
  GenerateOptions options = base;
  if (line.front() == '{')
    read_options("--prompts, line " + std::to_string(number), line, options);
  else
    options.prompt = line;
  options.listed_output = options.output != base.output, options.listed_edits = options.edits != base.edits;
  return options;
}

}  // namespace

std::vector<GenerateOptions> read_prompt_lines(std::istream& stream, const std::string& name,
                                               const GenerateOptions& base) {
  if (!base.synopsis.empty()) {
    throw std::invalid_argument(
        "[--synopsis] is one video's, and --prompts lists many; write {\"synopsis\": \"a; b; c\"} in their "
        "lines");
  }
  std::vector<GenerateOptions> jobs;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (!line.empty()) jobs.push_back(options_of_line(line, number, base));
  }
  if (jobs.empty())
    throw std::invalid_argument("[--prompts] '" + name + "' holds no prompts; write one a line");
  for (size_t i = 0; i < jobs.size(); ++i) {
    for (std::string GenerateOptions::*file :
         {&GenerateOptions::output, &GenerateOptions::save_graph, &GenerateOptions::save_tensors}) {
      if (jobs[i].*file == base.*file) jobs[i].*file = numbered_output(base.*file, i, jobs.size());
    }
  }
  return jobs;
}

}  // namespace reel::pipeline
