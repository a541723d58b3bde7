// Checkpoint files as hostile input: each malformed one gives a clear error, quickly, and touches nothing
// else.
#include "models/files/safetensors.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <chrono>
#include <fstream>

#include "models/files/checkpoint.h"
#include "models/files/config.h"
#include "tests/support/malformed_checkpoints.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::safetensors_test {

using testing::HasSubstr;
namespace fs = std::filesystem;

std::string write(const TemporaryFolder& folder, const std::string& name, const std::string& bytes) {
  const fs::path path = folder.path() / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path.string();
}

class MalformedCheckpointTest : public testing::TestWithParam<MalformedFile> {};

TEST_P(MalformedCheckpointTest, IsRefusedWithOneClearErrorAtOnce) {
  const TemporaryFolder folder;
  const std::string path = write(folder, "model.safetensors", GetParam().bytes);
  const auto start = std::chrono::steady_clock::now();
  try {
    SafetensorsFile::open(path);
    FAIL() << "it was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(path)) << "names the place";
    EXPECT_THAT(error.what(), HasSubstr(GetParam().message));
    EXPECT_LT(std::strlen(error.what()), 1000u);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedCheckpointTest, testing::ValuesIn(malformed_checkpoints()),
                         [](const auto& info) { return info.param.name; });

/// Seconds that reading a header of `count` entries and refusing four spoiled ones takes.
double seconds_for(int count) {
  const TemporaryFolder folder;
  std::string sound;
  for (int i = 0; i < count; ++i)
    sound += (i ? "," : "") + tensor("t" + std::to_string(i), "F32", "[0]", "[0,0]");
  const auto start = std::chrono::steady_clock::now();
  const auto file = SafetensorsFile::open(write(folder, "a.safetensors", file_of("{" + sound + "}", 0)));
  EXPECT_EQ(file->tensors().size(), size_t(count));
  for (const char* end : {",\"t7\":{}}", ",\"x\":{}}", "", ",\"__metadata__\":{\"a\":1}}"}) {
    const std::string path = write(folder, "b.safetensors", file_of("{" + sound + end, 0));
    EXPECT_THROW(SafetensorsFile::open(path), std::runtime_error) << end;
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// nlohmann's parser with a callback takes quadratic time: twenty seconds for each header of 40,000 entries.
TEST(SafetensorsTest, ReadsOrRefusesManyEntriesInLinearTime) {
  const double few = std::min(seconds_for(5'000), seconds_for(5'000)), many = seconds_for(40'000);
  EXPECT_LT(many / few, 32) << "eight times as many entries: 8 if linear, 64 if quadratic";
}

TEST(SafetensorsTest, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_THROW(SafetensorsFile::open((folder.path() / "absent.safetensors").string()), std::runtime_error);
  EXPECT_THROW(SafetensorsFile::open(folder.path().string()), std::runtime_error);
  EXPECT_THROW(SafetensorsFile::open("/dev/zero"), std::runtime_error);
}

TEST(SafetensorsTest, ReadsBackEveryDtypeItWrites) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "all.safetensors").string();
  std::map<std::string, at::Tensor> tensors;
  for (const auto dtype :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kFloat8_e4m3fn, at::kFloat8_e5m2, at::kLong,
        at::kInt, at::kShort, at::kChar, at::kByte, at::kBool}) {
    tensors[c10::toString(dtype)] = at::arange(6, at::kFloat).view({2, 3}).to(dtype);
  }
  tensors["empty"] = at::zeros({0, 4});
  tensors["scalar"] = at::tensor(3.5);
  write_safetensors(path, tensors, {{"key", "välue"}});
  const auto file = SafetensorsFile::open(path);
  EXPECT_EQ(file->metadata().at("key"), "välue");
  ASSERT_EQ(file->tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor read = SafetensorsFile::view(file, name);
    EXPECT_EQ(read.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(read.sizes(), tensor.sizes()) << name;
    EXPECT_TRUE(at::equal(read.to(at::kDouble), tensor.to(at::kDouble))) << name;
  }
}

TEST(SafetensorsTest, ViewsOutliveTheFileObject) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "a.safetensors").string();
  write_safetensors(path, {{"a", at::arange(1000)}});
  const at::Tensor view = SafetensorsFile::view(SafetensorsFile::open(path), "a");
  EXPECT_EQ(view.sum().item<int64_t>(), 499500);
}

TEST(SafetensorsTest, ReadsMisalignedTensors) {
  const TemporaryFolder folder;
  std::string header =
      "{" + tensor("a", "U8", "[1]", "[0,1]") + "," + tensor("b", "F32", "[1]", "[1,5]") + "}";
  std::string bytes = file_of(header, 1);
  const float value = 2.5F;
  bytes.append(reinterpret_cast<const char*>(&value), 4);
  const auto file = SafetensorsFile::open(write(folder, "m.safetensors", bytes));
  EXPECT_EQ(SafetensorsFile::view(file, "b").item<float>(), 2.5F);
}

TEST(SafetensorsTest, LeavesNoFileBehindWhenWritingFails) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "absent" / "a.safetensors").string();
  EXPECT_THROW(write_safetensors(path, {{"a", at::zeros({4})}}), std::runtime_error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

std::string error_of(const std::string& path) {
  try {
    Checkpoint::open(path);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(CheckpointTest, OpensShardsThroughTheirIndex) {
  const TemporaryFolder folder;
  write_safetensors((folder.path() / "model-1.safetensors").string(), {{"a", at::zeros({2})}});
  write_safetensors((folder.path() / "model-2.safetensors").string(), {{"b", at::ones({3})}});
  write(folder, "model.safetensors.index.json",
        R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  const Checkpoint checkpoint = Checkpoint::open(folder.path().string());
  EXPECT_THAT(checkpoint.names(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(checkpoint.view("b").sum().item<float>(), 3);
  EXPECT_EQ(checkpoint.bytes(), 20);
}

TEST(CheckpointTest, RefusesMalformedIndexes) {
  const TemporaryFolder folder;
  write_safetensors((folder.path() / "s.safetensors").string(), {{"a", at::zeros({2})}});
  const auto index = [&](const std::string& text) {
    return error_of(write(folder, "model.safetensors.index.json", text));
  };
  EXPECT_THAT(index(R"({"weight_map":{"a":"../s.safetensors"}})"),
              HasSubstr("not a file name in its own folder"));
  EXPECT_THAT(index(R"({"weight_map":{"a":"/etc/passwd"}})"), HasSubstr("not a file name in its own folder"));
  EXPECT_THAT(index(R"({"weight_map":{"a":".."}})"), HasSubstr("not a file name in its own folder"));
  EXPECT_THAT(index(R"({"weight_map":{"a":"absent.safetensors"}})"), HasSubstr("missing"));
  EXPECT_THAT(index(R"({"weight_map":{"b":"s.safetensors"}})"), HasSubstr("but it is not"));
  EXPECT_THAT(index(R"({"weight_map":{}})"), HasSubstr("empty weight_map"));
  EXPECT_THAT(index(R"({})"), HasSubstr("empty weight_map"));
  EXPECT_THAT(index(R"({"weight_map":[1]})"), HasSubstr("an object"));
  EXPECT_THAT(index(R"({"weight_map":{"a":7}})"), HasSubstr("a text"));
  EXPECT_THAT(index("not json"), HasSubstr("not valid JSON"));
}

TEST(CheckpointTest, SaysWhatItLookedForInAFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("holds no diffusion_pytorch_model.safetensors"));
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("model.ckpt; is it the right folder?"));
}

TEST(CheckpointTest, RefusesTwoTensorsThatMeanTheSame) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "s.safetensors").string();
  write_safetensors(path, {{"a", at::zeros({2})}, {"b", at::zeros({2})}});
  Checkpoint checkpoint = Checkpoint::open(path);
  EXPECT_THROW(checkpoint.rename([](const std::string&) { return "same"; }), std::runtime_error);
}

}  // namespace reel::models::safetensors_test
