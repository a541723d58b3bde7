#include "app/job_list.h"

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace reel::app {
namespace {

/// Options of one line of --prompts: plain text, or a JSON object with option names (dashes or underscores).
GenerateOptions options_of_line(const std::string& line, int number, const GenerateOptions& base,
                                CommonOptions& common) {
  GenerateOptions options = base;
  if (line.front() != '{') {
    options.prompt = line;
    return options;
  }
  const std::string place = "--prompts, line " + std::to_string(number);
  try {
    const nlohmann::json document = nlohmann::json::parse(line);
    for (const auto& [key, value] : document.items()) {
      std::string name = key;
      std::replace(name.begin(), name.end(), '_', '-');
      if (name == "prompt")
        options.prompt = value.get<std::string>();
      else if (name == "negative")
        options.negative = value.get<std::string>();
      else if (name == "output" || name == "o")
        options.output = value.get<std::string>();
      else if (name == "frames")
        options.frames = value.get<int64_t>();
      else if (name == "steps")
        options.steps = value.get<int64_t>();
      else if (name == "preview")
        options.preview = value.get<int64_t>();
      else if (name == "size")
        options.size = value.get<std::string>();
      else if (name == "fps")
        options.fps = value.get<double>();
      else if (name == "guidance")
        options.guidance = value.get<double>();
      else if (name == "guidance-rescale")
        options.guidance_rescale = value.get<double>();
      else if (name == "scheduler")
        options.scheduler = value.get<std::string>();
      else if (name == "seed")
        common.seed = value.get<uint64_t>();
      else if (name == "edit")
        options.edits =
            value.is_array() ? value.get<std::vector<std::string>>() : std::vector{value.get<std::string>()};
      else if (name == "lora")
        options.loras =
            value.is_array() ? value.get<std::vector<std::string>>() : std::vector{value.get<std::string>()};
      else if (name == "prompt-at")
        options.prompt_keys = value.get<std::vector<std::string>>();
      else if (name == "synopsis")
        options.synopsis = value.get<std::string>();
      else if (name == "prompt-blend" || name == "synopsis-blend")
        options.prompt_blend = value.get<std::string>();
      else if (name == "clip-skip")
        options.clip_skip = value.get<int>();
      else if (name == "crf")
        options.crf = value.get<int>();
      else if (name == "codec")
        options.codec = value.get<std::string>();
      else if (name == "compare")
        options.compare = value.get<bool>();
      else if (name == "init-latents")
        options.initial_latents = value.get<std::string>();
      else if (name == "step-noise")
        options.step_noise = value.get<std::string>();
      else
        throw std::invalid_argument("[" + place + "] the option '" + key +
                                    "' is not known; use the names of reel generate --help");
    }
  } catch (const nlohmann::json::exception& error) {
    throw std::invalid_argument("[" + place +
                                "] must be a text or a JSON object of options: " + error.what());
  }
  return options;
}

/// `out.mp4` -> `out-0003.mp4` for the third of several jobs; a %d in the name (but for png) is filled in.
std::string numbered_output(const std::string& output, size_t index, size_t count) {
  if (output.empty() || count < 2) return output;
  char number[32];
  std::snprintf(number, sizeof number, "-%04zu", index + 1);
  size_t at = output.find('%');
  if (at == std::string::npos) at = output.rfind('.');
  if (at != std::string::npos && output.find('/', at) != std::string::npos) at = std::string::npos;
  if (at == std::string::npos) return output + number;
  if (at > 0 && output[at] == '%' && output[at - 1] == '_') --at;
  return output.substr(0, at) + number + output.substr(at);
}

}  // namespace

std::vector<ListedJob> read_job_list(const std::string& file_name, const GenerateOptions& base,
                                     const CommonOptions& common) {
  std::vector<ListedJob> jobs;
  if (!base.synopsis.empty()) {
    throw std::invalid_argument(
        "[--synopsis] is one video's, and --prompts lists many; write {\"synopsis\": \"a; b; c\"} in their "
        "lines");
  }
  std::ifstream file;
  if (file_name != "-") file.open(file_name);
  std::istream& stream = file_name == "-" ? std::cin : file;
  if (!stream) throw std::runtime_error("[--prompts] '" + file_name + "' cannot be read");
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty()) continue;
    CommonOptions own = common;
    GenerateOptions job = options_of_line(line, number, base, own);
    jobs.emplace_back(std::move(job), std::move(own));
  }
  if (jobs.empty())
    throw std::invalid_argument("[--prompts] '" + file_name + "' holds no prompts; write one a line");
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].first.output == base.output)
      jobs[i].first.output = numbered_output(base.output, i, jobs.size());
    jobs[i].first.save_graph = numbered_output(base.save_graph, i, jobs.size());
    jobs[i].first.save_tensors = numbered_output(base.save_tensors, i, jobs.size());
  }
  return jobs;
}

}  // namespace reel::app
