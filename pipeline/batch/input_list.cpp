#include "pipeline/batch/input_list.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <unordered_map>

#include "models/files/input/input_stream.h"
#include "models/files/strict_json.h"
#include "models/files/utf8.h"
#include "pipeline/batch/path_pattern.h"

namespace reel::pipeline {
namespace {

namespace fs = std::filesystem;

bool is_list(const std::string& path) {
  const std::string extension = fs::path(path).extension();
  return extension == ".txt" || extension == ".list" || extension == ".jsonl";
}

std::vector<std::string> files_below(const std::string& folder, const InputRules& rules) {
  std::vector<std::string> files;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto entry = fs::recursive_directory_iterator(folder, options);
       entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename();
    std::error_code gone;
    if (name.front() == '.')
      entry.disable_recursion_pending();
    else if (entry->is_regular_file(gone) && rules.takes(name))
      files.push_back(entry->path());
  }
  std::ranges::sort(files);
  return files;
}

/// Reads {"input": path, "prompt": text}.
BatchInput read_object(const std::string& text, const std::string& place) {
  const auto object = models::parse_strict<nlohmann::json>(
      text, {.depth = 4, .keys = 16}, [&](const models::JsonFault& fault) {
        throw std::invalid_argument("[" + place + "] is no JSON object: " + models::shown(fault.detail) +
                                    "; write {\"input\": \"a.jpg\", \"prompt\": \"...\"}");
      });
  BatchInput input;
  for (const auto& [key, value] : object.items()) {
    if (key != "input" && key != "prompt")
      throw std::invalid_argument("[" + place + "] has the key '" + models::shown(key) +
                                  "', which is not known; known are input and prompt");
    if (!value.is_string())
      throw std::invalid_argument("[" + place + "] '" + key + "' must be a text, got " +
                                  models::shown(value.dump()));
    (key == "input" ? input.path : input.prompt.emplace()) = value.get<std::string>();
  }
  if (input.path.empty())
    throw std::invalid_argument("[" + place + "] names no input; write {\"input\": \"a.jpg\"}");
  return input;
}

/// Adds inputs, none of them twice: an input and its line of output belong together by name.
class InputCollector {
 public:
  explicit InputCollector(const InputRules& rules) : rules_(rules) {}

  void add(BatchInput input, const std::string& place) {
    if (input.path.find('\0') != std::string::npos)
      throw std::invalid_argument("[" + place + "] '" + models::shown(input.path) + "' holds a zero byte");
    if (input.path != models::to_utf8(models::from_utf8(input.path)))
      throw std::invalid_argument("[" + place + "] '" + models::shown(input.path) +
                                  "' is not UTF-8, which the output's JSON could not hold; rename the file");
    const std::string key = input.path + '\0' + input.prompt.value_or("") + (input.prompt ? "\1" : "");
    const auto [first, added] = places_.emplace(key, place);
    if (!added)
      throw std::invalid_argument("[" + place + "] names '" + models::shown(input.path) + "' a second time" +
                                  (first->second == place ? "" : " (first by " + first->second + ")") +
                                  "; leave one out, or give it a prompt of its own in a list");
    inputs_.push_back(std::move(input));
    if (inputs_.size() > rules_.most_inputs)
      throw std::invalid_argument("[" + place + "] makes more than " + std::to_string(rules_.most_inputs) +
                                  " inputs; give fewer at a time");
  }

  void add_list(std::istream& stream, const std::string& name) {
    int64_t number = 0;
    for (std::string line; std::getline(stream, line);) {
      if (++number == 1) line = models::without_bom(line);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      const size_t first = line.find_first_not_of(" \t");
      if (first == std::string::npos || line[first] == '#') continue;
      const std::string place = name + ", line " + std::to_string(number);
      if (line[first] == '{')
        add(read_object(line, place), place);
      else
        add({line, std::nullopt}, place);
    }
  }

  std::vector<BatchInput> take() { return std::move(inputs_); }

 private:
  const InputRules& rules_;
  std::vector<BatchInput> inputs_;
  std::unordered_map<std::string, std::string> places_;
};

}  // namespace

std::vector<BatchInput> expand_inputs(const std::vector<std::string>& arguments, const InputRules& rules,
                                      std::istream& standard_input) {
  InputCollector inputs(rules);
  for (const std::string& argument : arguments) {
    std::error_code error;
    const fs::file_status status = fs::status(argument, error);
    std::vector<std::string> files;
    if (argument == "-") {
      inputs.add_list(standard_input, "standard input");
      continue;
    }
    if (fs::is_directory(status)) {
      files = files_below(argument, rules);
      if (files.empty())
        throw std::invalid_argument("[" + models::shown(argument) +
                                    "] is a folder without pictures or videos; look for its name's spelling, "
                                    "or give files themselves");
    } else if (!fs::exists(status) && is_pattern(argument)) {
      files = files_matching(argument);
      if (files.empty()) throw std::invalid_argument("[" + models::shown(argument) + "] matches no file");
    } else if (is_list(argument)) {
      models::InputStream list({.path = argument, .most_bytes = uint64_t{1} << 32});
      inputs.add_list(list, argument);
      continue;
    } else {
      files = {argument};
    }
    for (std::string& file : files) inputs.add({std::move(file), std::nullopt}, argument);
  }
  return inputs.take();
}

}  // namespace reel::pipeline
