#include "app/session/own_outputs.h"

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "models/files/input/input_file.h"
#include "models/files/part_file.h"
#include "models/hashing/hash.h"
#include "pipeline/run/file_stamp.h"

namespace reel::app {
namespace {

constexpr uint64_t kMostRecordBytes = 1 << 20;

std::string key_of(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  // Absolute first: the name of a file that is not there yet must be that of the file later.
  return models::sha256(fs::weakly_canonical(fs::absolute(path, code), code).string());
}

}  // namespace

/// A record has a stamp, the path (for whoever looks into the folder), and further stamps, one a line.
std::set<std::string> OwnOutputs::stamps_of(const std::string& key) const {
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  std::set<std::string> stamps;
  if (folder_.empty()) return stamps;
  try {
    std::istringstream record(
        models::read_input({.path = folder_ + "/" + key, .most_bytes = kMostRecordBytes}));
    int number = 0;
    for (std::string line; std::getline(record, line); ++number) {
      if (number != 1) stamps.insert(line);
    }
  } catch (const std::runtime_error&) {  // no record, or none that can be read: not ours
  }
  return stamps;
}

bool OwnOutputs::contains(const std::string& path) const {
  const std::string stamp = pipeline::file_stamp(path);
  return !stamp.empty() && stamps_of(key_of(path)).count(stamp) > 0;
}

void OwnOutputs::expect(const std::string& path, const std::string& stamp) {
  std::set<std::string> stamps = {stamp};
  if (contains(path)) stamps.insert(pipeline::file_stamp(path));
  record(path, stamps);
}

void OwnOutputs::add(const std::string& path) {
  const std::string stamp = pipeline::file_stamp(path);
  if (!stamp.empty()) record(path, {stamp});
}

void OwnOutputs::record(const std::string& path, const std::set<std::string>& stamps) {
  const std::string key = key_of(path);
  known_[key] = stamps;
  if (folder_.empty()) return;
  std::string text;
  for (const std::string& stamp : stamps) text += stamp + "\n" + (text.empty() ? path + "\n" : "");
  try {
    models::make_folder(folder_);
    models::PartFile file(folder_ + "/" + key, /*overwrite=*/true, /*permissions=*/0600);
    file.write(text.data(), text.size());
    file.commit();
  } catch (const std::runtime_error&) {  // as without a cache: the next run asks for -y
  }
}

}  // namespace reel::app
