// A file in memory: mapped, so that its pages are read when they are first touched.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reel::models {

/// The whole of a regular file. Private and writable, so that an accidental write changes our copy of a page
/// and never the file.
class MappedFile {
 public:
  /// Throws: std::runtime_error "[path] ..." if there is no such file, or it is not a regular one.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  uint64_t size() const { return bytes_; }
  char* data() const { return static_cast<char*>(map_); }  // nullptr if the file is empty
  std::string_view text() const { return {data(), bytes_}; }

  /// Tells the system that the whole pages between these bytes are not needed again soon.
  void release(uint64_t begin, uint64_t end) const;

 private:
  std::string path_;
  void* map_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace reel::models
