// Malformed checkpoints, configurations and graphs through the real program: each is refused with the right
// exit status and a message that helps, in two seconds of processor time and 500 MB.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/child_process.h"
#include "tests/support/malformed_checkpoints.h"
#include "tests/support/malformed_configs.h"
#include "tests/support/malformed_graphs.h"
#include "tests/support/malformed_pytorch.h"

namespace reel::malformed_test {

using testing::HasSubstr;
namespace fs = std::filesystem;

// Sanitizers multiply both.
#if defined(__SANITIZE_ADDRESS__)
constexpr int kAllowance = 5;
#else
constexpr int kAllowance = 1;
#endif

void expect_refusal(const TemporaryFolder& folder, const std::vector<std::string>& words, int code,
                    const std::string& message) {
  const ChildResult result = ChildProcess(folder, words).wait();
  const std::string said = result.out + result.err;
  // For --gtest_output=json:FILE, where the largest can be looked up.
  testing::Test::RecordProperty("cpu_ms", static_cast<int>(result.cpu_seconds * 1000));
  testing::Test::RecordProperty("peak_mb", static_cast<int>(result.peak_bytes / 1'000'000));
  EXPECT_EQ(result.code, code) << said.substr(0, 2000);
  EXPECT_THAT(said.substr(0, 30'000), HasSubstr(message));
  EXPECT_LT(said.size(), 30'000u);
  EXPECT_LT(result.cpu_seconds, 2 * kAllowance);
  EXPECT_LT(result.seconds, 30) << "waiting for something";
  EXPECT_LT(result.peak_bytes, int64_t{500'000'000} * kAllowance);
}

/// The tiny model as `model`.
void copy_model(const TemporaryFolder& folder) {
  fs::copy(std::string(REEL_GOLDEN) + "/pipelines/merged_ddim", folder.path() / "model",
           fs::copy_options::recursive);
}

TEST(MalformedTest, TheModelThatTheOthersSpoilIsSound) {
  const TemporaryFolder folder;
  copy_model(folder);
  EXPECT_EQ(ChildProcess(folder, {"models", "check", "model"}).wait().code, 0);
}

TEST(MalformedTest, ThereAreManyOfThem) {
  EXPECT_EQ(heavy_pytorch_files().size(), 15u);
  EXPECT_GE(malformed_checkpoints().size() + malformed_configs().size() + malformed_graphs().size(), 150u);
}

class MalformedCheckpoint : public testing::TestWithParam<MalformedFile> {};

TEST_P(MalformedCheckpoint, IsRefusedByModelsCheck) {
  const TemporaryFolder folder;
  copy_model(folder);
  write_file(folder / "model/unet/diffusion_pytorch_model.safetensors", GetParam().bytes);
  expect_refusal(folder, {"models", "check", "model"}, 4, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedCheckpoint, testing::ValuesIn(malformed_checkpoints()),
                         [](const auto& info) { return info.param.name; });

class MalformedPyTorchFile : public testing::TestWithParam<MalformedFile> {};

TEST_P(MalformedPyTorchFile, IsRefusedByModelsCheck) {
  const TemporaryFolder folder;
  copy_model(folder);
  fs::remove(folder.path() / "model/unet/diffusion_pytorch_model.safetensors");
  write_file(folder / "model/unet/diffusion_pytorch_model.bin", GetParam().bytes);
  expect_refusal(folder, {"models", "check", "model"}, 4, GetParam().message);
  EXPECT_FALSE(fs::exists(folder / "owned")) << "something ran";
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedPyTorchFile, testing::ValuesIn(heavy_pytorch_files()),
                         [](const auto& info) { return info.param.name; });

class MalformedConfiguration : public testing::TestWithParam<MalformedConfig> {};

TEST_P(MalformedConfiguration, IsRefusedByModelsCheck) {
  const auto& [name, file, key, text, message] = GetParam();
  const TemporaryFolder folder;
  copy_model(folder);
  std::string content = text;
  if (!key.empty()) {
    // Put in front as text: some values are none that JSON has.
    const std::string before = read_file(folder / ("model/" + file));
    nlohmann::json document = nlohmann::json::parse(before);
    document.erase(key);
    content = "{\"" + key + "\": " + text + ", " + document.dump().substr(1);
  }
  if (file.ends_with(".index.json"))
    fs::remove(folder.path() / "model/unet/diffusion_pytorch_model.safetensors");
  write_file(folder / ("model/" + file), content);
  expect_refusal(folder, {"models", "check", "model"}, 4, message);
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedConfiguration, testing::ValuesIn(malformed_configs()),
                         [](const auto& info) { return info.param.name; });

class MalformedGraphFile : public testing::TestWithParam<MalformedGraph> {};

TEST_P(MalformedGraphFile, IsRefusedByGraphCheck) {
  const TemporaryFolder folder;
  write_file(folder / "test.json", GetParam().bytes);
  expect_refusal(folder, {"graph", "check", "test.json"}, 3, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedGraphFile, testing::ValuesIn(malformed_graphs()),
                         [](const auto& info) { return info.param.name; });

}  // namespace reel::malformed_test
