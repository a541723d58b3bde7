// Text that comes line by line or at once, from a file or from standard input, and never more than it may.
#pragma once

#include <istream>
#include <memory>
#include <string>

#include "models/files/input/input_file.h"

namespace reel::models {

struct StreamRules {
  uint64_t line_bytes = uint64_t{1} << 20;  // of one line, without its end
  uint64_t lines = UINT64_MAX;              // in all; what is made of a short line may be large
  /// Also takes "-" (standard input) and what the shell opened for us (/dev/fd/63, as <(command) gives): these
  /// have a writer, or one that the user sees.
  bool streams = false;
};

/// The content of `file`. Reading throws std::runtime_error (through getline and read, too) when there is more
/// than the file or a line may have, or the system fails.
class InputStream : public std::istream {
 public:
  /// Throws: std::runtime_error as open_input does.
  explicit InputStream(const InputFile& file, StreamRules rules = {});
  ~InputStream() override;

  /// Everything that has not been read.
  std::string rest();

 private:
  class Buffer;
  std::unique_ptr<Buffer> buffer_;
};

/// Throws that `file` `has` ("has", "gives") more bytes than it may.
[[noreturn]] void refuse_size(const InputFile& file, const std::string& has);

}  // namespace reel::models
