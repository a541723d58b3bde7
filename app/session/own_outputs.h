// Remembers which output files earlier runs made, so that running a changed graph again may replace them.
#pragma once

#include <map>
#include <set>
#include <string>

namespace reel::app {

/// Outputs that earlier runs wrote and nobody changed since: these are replaced without asking, so that
/// changing a graph and running it again just works. Remembered beside the cache, by path and file_stamp().
class OwnOutputs {
 public:
  /// `cache_dir`: empty remembers nothing longer than the process.
  explicit OwnOutputs(const std::string& cache_dir)
      : folder_(cache_dir.empty() ? "" : cache_dir + "/outputs-1") {}

  bool contains(const std::string& path) const;
  /// Before a file takes this name: from here on both the one that is there, if it is ours, and the one with
  /// this stamp count. So a process that ends between the naming and add() loses nothing.
  void expect(const std::string& path, const std::string& stamp);
  /// The file that has this name now, and no other.
  void add(const std::string& path);

 private:
  std::set<std::string> stamps_of(const std::string& key) const;
  void record(const std::string& path, const std::set<std::string>& stamps);

  std::string folder_;
  std::map<std::string, std::set<std::string>> known_;
};

}  // namespace reel::app
