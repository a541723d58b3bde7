#include "pipeline/jobs/prompt_lines.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <stdexcept>

#include "models/files/output/confined_path.h"
#include "models/files/utf8.h"
#include "pipeline/jobs/option_reader.h"
#include "pipeline/jobs/output_names.h"

namespace reel::pipeline {
namespace {

constexpr size_t kMostLineBytes = 1 << 20;

std::string place_of(int number) { return "--prompts, line " + std::to_string(number); }

PromptLine read_line(const std::string& text, int number, const GenerateOptions& base) {
  PromptLine line{.number = number, .options = base};
  try {
    if (text.size() > kMostLineBytes)
      throw std::invalid_argument("[" + place_of(number) +
                                  "] must have at most 1 MiB; is it the right file?");
    if (text.front() == '{')
      read_options(place_of(number), text, line.options);
    else
      line.options.prompt = text;
    line.options.listed_output = line.options.output != base.output;
    line.options.listed_edits = line.options.edits != base.edits;
    const GenerateOptions& job = line.options;
    if (job.prompt.empty() && job.prompt_keys.empty() && job.synopsis.empty())
      throw std::invalid_argument("[" + place_of(number) +
                                  "] needs a prompt; for example {\"prompt\": \"a fox\"}");
  } catch (const std::invalid_argument& error) {
    line.fault = error.what();
  }
  return line;
}

std::vector<std::string> outputs_of(const GenerateOptions& options) {
  if (options.output.empty()) return {};
  if (!options.compare) return {options.output};
  return {options.output, with_suffix(options.output, "-unedited"),
          with_suffix(options.output, "-side-by-side")};
}

}  // namespace

std::vector<PromptLine> read_prompt_lines(std::istream& stream, const std::string& name,
                                          const GenerateOptions& base) {
  if (!base.synopsis.empty()) {
    throw std::invalid_argument(
        "[--synopsis] is one video's, and --prompts lists many; write {\"synopsis\": \"a; b; c\"} in their "
        "lines");
  }
  std::vector<PromptLine> lines;
  int number = 0;
  for (std::string text; std::getline(stream, text);) {
    if (++number == 1) text = models::without_bom(text);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
    if (!text.empty() && text.front() != '#') lines.push_back(read_line(text, number, base));
  }
  if (lines.empty())
    throw std::invalid_argument("[--prompts] '" + name + "' holds no prompts; write one a line");
  if (!base.prompt.empty() && std::ranges::none_of(lines, [&](const PromptLine& line) {
        return line.fault.empty() && line.options.prompt == base.prompt;
      })) {
    throw std::invalid_argument("[--prompts] every line of '" + name + "' has a prompt of its own, got '" +
                                base.prompt + "' too; leave it out");
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    for (std::string GenerateOptions::*file :
         {&GenerateOptions::output, &GenerateOptions::save_graph, &GenerateOptions::save_tensors}) {
      std::string& own = lines[i].options.*file;
      if (own == base.*file) own = numbered_output(base.*file, i, lines.size());
    }
  }
  return lines;
}

void name_outputs(std::vector<PromptLine>& lines) {
  std::map<std::string, int> used;
  for (PromptLine& line : lines) {
    if (!line.fault.empty() || !line.options.output.empty()) continue;
    const std::string slug =
        prompt_slug(line.options.prompt.empty() ? line.options.synopsis : line.options.prompt);
    const int count = ++used[slug];
    line.options.output = (std::filesystem::path(line.options.output_dir) /
                           (slug + (count > 1 ? "-" + std::to_string(count) : "") + ".mp4"))
                              .string();
  }
}

void refuse_equal_outputs(std::vector<PromptLine>& lines) {
  std::map<std::string, int> writers;
  for (PromptLine& line : lines) {
    if (!line.fault.empty()) continue;
    for (const std::string& file : outputs_of(line.options)) {
      const auto [first, added] = writers.emplace(models::destination_of(file), line.number);
      if (added || first->second == line.number) continue;
      line.fault = "[" + place_of(line.number) + "] writes '" + file + "', as line " +
                   std::to_string(first->second) + " does; give one of them another output";
      break;
    }
  }
}

}  // namespace reel::pipeline
