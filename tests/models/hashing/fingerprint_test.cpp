#include "models/hashing/fingerprint.h"

#include <gtest/gtest.h>

#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::fingerprint_test {

namespace fs = std::filesystem;

std::string fingerprint(const std::string& folder) { return model_fingerprint(ModelFolder::open(folder)); }

// Videos of earlier versions carry these texts.
TEST(FingerprintTest, StaysTheTextThatEarlierRecipesCarry) {
  EXPECT_EQ(fingerprint(golden_folder("pipelines/merged_ddim")), "fc45523a531d2ad7");
  EXPECT_EQ(fingerprint(golden_folder("pipelines/text_to_video")), "96725263641338ca");
}

TEST(FingerprintTest, ChangesWithAByteOfTheWeightsAndNotWithThePlace) {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "elsewhere";
  fs::copy(golden_folder("pipelines/merged_ddim"), folder, fs::copy_options::recursive);
  EXPECT_EQ(fingerprint(folder), "fc45523a531d2ad7");
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().parent_path().filename() != "vae" || entry.path().extension() != ".safetensors")
      continue;
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
    std::string bytes = read_file(entry.path().string());
    bytes.back() = static_cast<char>(~bytes.back());
    write_file(entry.path().string(), bytes);
  }
  EXPECT_NE(fingerprint(folder), "fc45523a531d2ad7");
}

}  // namespace reel::models::fingerprint_test
