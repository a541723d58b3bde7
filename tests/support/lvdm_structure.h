// A folder with VideoCrafter2's whole structure at a tenth of its width.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::models {

/// All real tensor names, but a file of holes: for looking at the structure, not for running it.
class LvdmStructure {
 public:
  LvdmStructure() {
    std::ifstream stream(golden_folder("lvdm_structure/shapes.json"));
    nlohmann::json header;
    int64_t end = 0;
    const nlohmann::json shapes = nlohmann::json::parse(stream);
    for (const auto& [name, shape] : shapes.items()) {
      int64_t bytes = 2;
      for (const int64_t n : shape) bytes *= n;
      header[name] = {{"dtype", "F16"}, {"shape", shape}, {"data_offsets", {end, end + bytes}}};
      end += bytes;
    }
    const std::string text = header.dump();
    const uint64_t length = text.size();
    const std::filesystem::path file = folder_.path() / "model.safetensors";
    std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(&length), 8) << text;
    std::filesystem::resize_file(file, 8 + length + static_cast<uint64_t>(end));
    std::filesystem::create_directory(folder_.path() / "tokenizer");
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace reel::models
