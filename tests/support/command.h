// Runs the real program, for end-to-end tests.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace reel {

struct CommandResult {
  int code = 0;          // exit status
  std::string out, err;  // what it printed
};

/// A word as the shell reads it back.
inline std::string shell_quoted(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

/// Runs a program with arguments in `folder`, without a terminal. Each word is passed as it is.
inline CommandResult run_command(const TemporaryFolder& folder, const std::vector<std::string>& words,
                                 const std::string& input = "") {
  const std::string err_file = (folder.path() / ".stderr").string(),
                    in_file = (folder.path() / ".stdin").string();
  std::ofstream(in_file) << input;
  std::string line = "cd " + shell_quoted(folder.path().string()) + " &&";
  for (const std::string& word : words) line += " " + shell_quoted(word);
  line += " <" + shell_quoted(in_file) + " 2>" + shell_quoted(err_file);
  CommandResult result;
  FILE* pipe = popen(line.c_str(), "r");
  std::array<char, 4096> buffer;
  for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) result.out.append(buffer.data(), n);
  const int status = pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  std::ifstream err(err_file);
  result.err.assign(std::istreambuf_iterator<char>(err), {});
  std::error_code ignored;
  std::filesystem::remove(err_file, ignored);
  std::filesystem::remove(in_file, ignored);
  return result;
}

/// `reel` with these arguments.
inline CommandResult reel_command(const TemporaryFolder& folder, std::vector<std::string> words,
                                  const std::string& input = "") {
  words.insert(words.begin(), REEL_BINARY);
  return run_command(folder, words, input);
}

}  // namespace reel
