// The output of a batch: lines in a file that grows, or on standard output.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace reel::pipeline {

/// A file to which whole lines are added, each given to the system at once. If a line cannot be written wholly (a full
/// disk), what there is of it is taken back.
class LineFile {
 public:
  /// "-": standard output. Otherwise `path` is made, or opened to go on. Throws: std::runtime_error "[path] ..." if it
  /// is no regular file or cannot be written.
  explicit LineFile(const std::string& path);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  /// Looks at the lines that are there already: `keep` says of each complete one, in order, whether it stays. What
  /// follows the first that does not, and a last line without an end, is cut off. Returns how many stay.
  size_t keep_while(const std::function<bool(size_t index, const std::string& line)>& keep);

  /// Throws: std::runtime_error with the system's reason; the file then ends with the line before.
  void add(const std::string& line);
  /// Makes what was added durable.
  void sync();

 private:
  std::string path_;
  int file_ = -1;
  int64_t end_ = 0;  // bytes of complete lines; -1: standard output
};

}  // namespace reel::pipeline
