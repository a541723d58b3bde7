// Checkpoint files as hostile input: each malformed one gives a clear error, quickly, and touches nothing
// else.
#include "models/safetensors.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <chrono>
#include <fstream>

#include "models/checkpoint.h"
#include "models/config.h"
#include "tests/support/temporary_folder.h"

namespace reel::models {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

/// The bytes of a file: header length (the true one unless given), header, data.
std::string file_of(const std::string& header, size_t data_bytes, std::optional<uint64_t> claimed = {}) {
  const uint64_t length = claimed.value_or(header.size());
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\1');
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}";
}

std::string write(const TemporaryFolder& folder, const std::string& name, const std::string& bytes) {
  const fs::path path = folder.path() / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path.string();
}

struct Malformed {
  std::string name, bytes, message;
};

std::vector<Malformed> malformed() {
  const std::string good = tensor("a", "F32", "[2]", "[0,8]");
  std::string deep = "{\"a\":";
  for (int i = 0; i < 100000; ++i) deep += "[";
  std::string nine = "[1,1,1,1,1,1,1,1,1]";
  return {
      {"Empty", "", "bytes"},
      {"SevenBytes", "1234567", "7 bytes"},
      {"HeaderBeyondFile", file_of("{}", 0, 1000), "claims 1000 bytes"},
      {"HeaderOfExabytes", file_of("{}", 0, ~uint64_t{0}), "claims"},
      {"HeaderAboveLimit", file_of("{}", 0, 100'000'001), "claims"},
      {"HeaderEmpty", file_of("", 0), "does not start with '{'"},
      {"HeaderNotAnObject", file_of("[1]", 0), "does not start with '{'"},
      {"HeaderStartsWithSpace", file_of(" {}", 0), "does not start with '{'"},
      {"HeaderNotJson", file_of("{\"a\"", 0), "not valid JSON"},
      {"HeaderWithGarbageBehind", file_of("{} x", 0), "not valid JSON"},
      {"HeaderNotUtf8", file_of("{\"\xff\xfe\":1}", 0), "not valid JSON"},
      {"HeaderNestedDeeply", file_of(deep, 0), "nested too deeply"},
      {"DuplicateName", file_of("{" + good + "," + good + "}", 8), "twice"},
      {"DuplicateKeyInTensor",
       file_of("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8),
       "twice"},
      {"TensorNotAnObject", file_of("{\"a\":1}", 0), "lacks dtype"},
      {"NoDtype", file_of("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8), "lacks dtype"},
      {"NoShape", file_of("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8), "lacks dtype"},
      {"NoOffsets", file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8), "lacks dtype"},
      {"UnknownDtype", file_of("{" + tensor("a", "F13", "[2]", "[0,8]") + "}", 8), "unknown dtype"},
      {"DtypeNotText", file_of("{\"a\":{\"dtype\":4,\"shape\":[2],\"data_offsets\":[0,8]}}", 8),
       "unknown dtype"},
      {"ShapeNotAList", file_of("{" + tensor("a", "F32", "2", "[0,8]") + "}", 8), "shape"},
      {"ShapeNegative", file_of("{" + tensor("a", "F32", "[-2]", "[0,8]") + "}", 8), "whole number"},
      {"ShapeFraction", file_of("{" + tensor("a", "F32", "[2.0]", "[0,8]") + "}", 8), "whole number"},
      {"ShapeText", file_of("{" + tensor("a", "F32", "[\"2\"]", "[0,8]") + "}", 8), "whole number"},
      {"RankNine", file_of("{" + tensor("a", "F32", nine, "[0,4]") + "}", 4), "at most 8"},
      {"SizeOverflows64Bits",
       file_of("{" + tensor("a", "F32", "[4294967296,4294967296,2]", "[0,8]") + "}", 8),
       "larger than any memory"},
      {"SizeOverflowsToFit", file_of("{" + tensor("a", "F32", "[4611686018427387905,1]", "[0,4]") + "}", 4),
       "larger than any memory"},
      {"SizeAboveInt64", file_of("{" + tensor("a", "U8", "[18446744073709551615]", "[0,8]") + "}", 8),
       "larger than any memory"},
      {"OffsetsNotAPair", file_of("{" + tensor("a", "F32", "[2]", "[0]") + "}", 8), "no pair"},
      {"OffsetsReversed", file_of("{" + tensor("a", "F32", "[2]", "[8,0]") + "}", 8), "outside the file"},
      {"OffsetsNegative", file_of("{" + tensor("a", "F32", "[2]", "[-8,0]") + "}", 8), "whole number"},
      {"OffsetsBeyondFile", file_of("{" + tensor("a", "F32", "[4]", "[0,16]") + "}", 8), "outside the file"},
      {"OffsetsUnlikeShape", file_of("{" + tensor("a", "F32", "[3]", "[0,8]") + "}", 8), "needs 12 bytes"},
      {"Overlap",
       file_of("{" + tensor("a", "F32", "[2]", "[0,8]") + "," + tensor("b", "F32", "[2]", "[4,12]") + "}",
               12),
       "overlap"},
      {"Hole",
       file_of("{" + tensor("a", "F32", "[2]", "[0,8]") + "," + tensor("b", "F32", "[1]", "[12,16]") + "}",
               16),
       "hole"},
      {"HoleAtTheBeginning", file_of("{" + tensor("a", "F32", "[1]", "[4,8]") + "}", 8), "hole"},
      {"BytesBehindTheEnd", file_of("{" + good + "}", 9), "behind the last tensor"},
      {"Truncated", file_of("{" + tensor("a", "F32", "[1024]", "[0,4096]") + "}", 4000),
       "incomplete download"},
      {"EmptyName", file_of("{" + tensor("", "F32", "[2]", "[0,8]") + "}", 8), "name"},
      {"LongName", file_of("{" + tensor(std::string(2000, 'n'), "F32", "[2]", "[0,8]") + "}", 8), "name"},
      {"MetadataNotAnObject", file_of("{\"__metadata__\":3}", 0), "__metadata__"},
      {"MetadataNotText", file_of("{\"__metadata__\":{\"a\":1}}", 0), "__metadata__"},
      {"Pickle", std::string("\x80\x02}q\x01.", 6) + std::string(64, 'x'), "claims"},
      {"Html", "<!DOCTYPE html><html><body>Not found</body></html>", "claims"}};
}

class MalformedFile : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedFile, IsRefusedWithOneClearErrorAtOnce) {
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

INSTANTIATE_TEST_SUITE_P(Files, MalformedFile, testing::ValuesIn(malformed()),
                         [](const auto& info) { return info.param.name; });

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
  write(folder, "diffusion_pytorch_model.bin", "x");
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("convert it to safetensors"));
}

TEST(CheckpointTest, RefusesTwoTensorsThatMeanTheSame) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "s.safetensors").string();
  write_safetensors(path, {{"a", at::zeros({2})}, {"b", at::zeros({2})}});
  Checkpoint checkpoint = Checkpoint::open(path);
  EXPECT_THROW(checkpoint.rename([](const std::string&) { return "same"; }), std::runtime_error);
}

}  // namespace
}  // namespace reel::models
