// Runs `reel eval` in a folder of its own, for end-to-end tests.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/command.h"
#include "tests/support/golden.h"

namespace reel {

class EvalTest : public testing::Test {
 protected:
  CommandResult eval(const std::vector<std::string>& more, const std::string& verb = "world") {
    std::vector<std::string> words = {"eval", verb, "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return reel_command(folder_, words);
  }
  /// A small job on the tiny model.
  CommandResult model(const std::vector<std::string>& more, const std::string& verb = "world") {
    std::vector<std::string> words = {"--model", model_, "--frames", "4", "--size", "32x32", "--steps", "2"};
    words.insert(words.end(), more.begin(), more.end());
    return eval(words, verb);
  }
  std::vector<std::string> lines(const std::string& name) {
    std::ifstream file(folder_.path() / name);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  const std::string model_ = std::string(REEL_GOLDEN) + "/pipelines/merged_ddim";
  TemporaryFolder folder_;
};

}  // namespace reel
