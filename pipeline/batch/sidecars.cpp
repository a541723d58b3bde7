#include "pipeline/batch/sidecars.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "models/files/part_file.h"
#include "models/files/refuse.h"
#include "models/files/strict_json.h"

namespace reel::pipeline {
namespace {

namespace fs = std::filesystem;

std::string place_of(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(path, error);
  return error ? path : whole.string();
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

bool holds(const std::string& path, const std::string& content) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) != content.size()) return false;
  std::ifstream file(path, std::ios::binary);
  return std::string{std::istreambuf_iterator<char>(file), {}} == content;
}

}  // namespace

std::string sidecar_of(const BatchInput& input) {
  return fs::path(input.path).replace_extension(".txt").string();
}

void check_sidecars(const std::vector<BatchInput>& inputs, bool may_be_there) {
  std::map<std::string, std::string> taken;  // place of a text -> its input
  for (const BatchInput& input : inputs) {
    const auto [place, fresh] = taken.emplace(place_of(sidecar_of(input)), input.path);
    if (!fresh)
      throw std::invalid_argument("[--sidecar] '" + models::shown(place->second) + "' and '" +
                                  models::shown(input.path) + "' would share the text '" +
                                  models::shown(sidecar_of(input)) + "'; rename one, or leave --sidecar out");
  }
  std::vector<std::string> there;
  for (const BatchInput& input : inputs) {
    if (taken.contains(place_of(input.path)))
      throw std::invalid_argument("[--sidecar] the text '" + models::shown(input.path) +
                                  "' is an input itself; leave --sidecar out");
    if (!may_be_there && exists(sidecar_of(input))) there.push_back(models::shown(sidecar_of(input)));
  }
  if (!there.empty())
    throw std::runtime_error("[--sidecar] texts exist already: " + models::few_of(there) +
                             "; replace them (-y), or leave --sidecar out");
}

bool write_sidecar(const BatchInput& input, const std::string& text, bool overwrite) {
  const std::string path = sidecar_of(input), content = text + "\n";
  if (holds(path, content)) return true;
  if (!overwrite && exists(path)) return false;
  models::PartFile file(path, overwrite);
  file.write(content.data(), content.size());
  file.commit();
  return true;
}

}  // namespace reel::pipeline
