// Loads the tiny reference models under tests/golden/ for tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "models/model_folder.h"
#include "tests/support/golden.h"

namespace reel::models {

inline std::string golden_folder(const std::string& name) { return std::string(REEL_GOLDEN "/") + name; }

/// A model folder as handles of the graph share it.
inline std::shared_ptr<const ModelFolder> opened(const std::string& path, const std::string& adapter = "") {
  return std::make_shared<const ModelFolder>(ModelFolder::open(path, adapter));
}

/// A component folder below tests/golden/, with its configuration.
inline ComponentFiles golden_component(const std::string& name, const std::string& adapter = "") {
  ComponentFiles files;
  files.folder = golden_folder(name);
  files.config = Config::read(files.folder + "/config.json");
  if (!adapter.empty()) files.adapter = golden_folder(adapter);
  return files;
}

inline const FamilyRegistry& families() {
  static const FamilyRegistry registry = [] {
    FamilyRegistry all;
    register_families(all);
    return all;
  }();
  return registry;
}

/// The largest absolute difference; infinite if the shapes differ.
inline double max_error(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return std::numeric_limits<double>::infinity();
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

/// The cases of a golden folder: its subfolders, by name.
inline std::vector<std::string> golden_cases(const std::string& name) {
  std::vector<std::string> cases;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder(name))) {
    if (entry.is_directory()) cases.push_back(entry.path().filename().string());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

}  // namespace reel::models
