#include "models/hashing/fingerprint.h"

#include <filesystem>
#include <fstream>

#include "models/files/checkpoint.h"
#include "models/files/input/input_file.h"
#include "models/hashing/hash.h"

namespace reel::models {
namespace {

/// Feeds the head of a file, which holds its header, and pages spread over the rest.
void sample_file(Hash& hash, const std::string& file) {
  namespace fs = std::filesystem;
  const auto bytes = static_cast<int64_t>(fs::file_size(file));
  hash.field(fs::path(file).filename().string()).field(static_cast<uint64_t>(bytes));
  check_input({file});
  std::ifstream stream(file, std::ios::binary);
  constexpr int64_t kPage = 4096, kPages = 64;
  std::string page(size_t(kPage), '\0');
  for (int64_t i = 0; i <= kPages; ++i) {
    stream.seekg(bytes <= kPage ? 0 : (bytes - kPage) * i / kPages);
    stream.read(page.data(), kPage);
    hash.bytes(page.data(), size_t(stream.gcount()));
    stream.clear();
  }
}

}  // namespace

std::string model_fingerprint(const ModelFolder& model) {
  Hash hash;
  for (const std::string& folder :
       {model.denoiser.folder, model.denoiser.adapter, model.vae.folder, model.text_encoder.folder,
        model.captioner.folder, model.captioner.tower}) {
    if (folder.empty()) continue;
    const Checkpoint checkpoint = Checkpoint::open(folder);
    for (const std::string& file : checkpoint.files()) sample_file(hash, file);
  }
  return hash.hex().substr(0, 16);
}

std::string file_fingerprint(const std::string& path) {
  Hash hash;
  sample_file(hash, path);
  return hash.hex().substr(0, 16);
}

}  // namespace reel::models
