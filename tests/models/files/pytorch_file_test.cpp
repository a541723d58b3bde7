// PyTorch checkpoints: those of torch.save give the tensors that it was given, everything else is refused.
#include "models/files/pytorch_file.h"

#include <gmock/gmock.h>

#include <chrono>
#include <random>

#include "models/files/checkpoint.h"
#include "models/files/safetensors.h"
#include "tests/support/malformed_pytorch.h"
#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::pytorch_file_test {

using testing::ElementsAre;
using testing::HasSubstr;

// Files of torch.save (tests/golden/make_pytorch.py) beside safetensors files of the same tensors.
class PyTorchGolden : public testing::TestWithParam<std::string> {};

TEST_P(PyTorchGolden, GivesTheTensorsBitForBit) {
  const std::string twin_name = GetParam().substr(0, GetParam().size() - std::strlen("_2.ckpt"));
  const auto file = PyTorchFile::open(golden_folder("pytorch/" + GetParam()));
  const Golden twin("pytorch/" + twin_name + ".safetensors");
  std::vector<std::string> names;
  for (const auto& entry : file->tensors()) names.push_back(entry.first);
  EXPECT_EQ(names, twin.names());
  for (const std::string& name : names) {
    const at::Tensor tensor = TensorFile::view(file, name), expected = twin[name];
    ASSERT_EQ(tensor.scalar_type(), expected.scalar_type()) << name;
    ASSERT_EQ(tensor.sizes(), expected.sizes()) << name;
    EXPECT_TRUE(tensor.is_contiguous()) << name;
    EXPECT_EQ(file->tensors().at(name).bytes(), static_cast<int64_t>(expected.nbytes())) << name;
    if (expected.numel() == 0) continue;
    EXPECT_EQ(std::memcmp(tensor.const_data_ptr(), expected.const_data_ptr(), expected.nbytes()), 0) << name;
  }
}

std::vector<std::string> golden_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder("pytorch"))) {
    if (entry.path().extension() == ".ckpt") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Files, PyTorchGolden, testing::ValuesIn(golden_files()),
                         [](const auto& info) { return info.param.substr(0, info.param.find('.')); });

std::string sound_file() {
  using namespace pickled;
  return torch_file(whole(dict({text("w"), sound_tensor()})));
}

/// Opens the bytes as a file; "" if it is accepted, else what the refusal says.
std::string refusal(const TemporaryFolder& folder, const std::string& bytes) {
  write_file(folder / "model.ckpt", bytes);
  try {
    PyTorchFile::open(folder / "model.ckpt");
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

/// Whether the bytes are accepted. They lie in memory of just their size, whose ends the sanitized build
/// guards.
bool accepted(const std::string& text) {
  const std::vector<char> bytes(text.begin(), text.end());
  try {
    for (const auto& [name, info] : read_pytorch({bytes.data(), bytes.size()})) {
      EXPECT_LE(info.begin, info.end) << name;
      EXPECT_LE(info.end, bytes.size()) << name;
      EXPECT_LE(info.bytes(), static_cast<int64_t>(bytes.size())) << name;
    }
  } catch (const std::runtime_error&) {
    return false;
  }
  return true;
}

TEST(PyTorchFileTest, ReadsTheSoundFileThatTheMalformedOnesAreMadeFrom) {
  const TemporaryFolder folder;
  for (const std::string& bytes :
       {sound_file(),
        zip_of(torch_parts(pickled::whole(pickled::dict({pickled::text("w"), pickled::sound_tensor()}))),
               /*zip64=*/false)}) {
    write_file(folder / "model.ckpt", bytes);
    const auto file = PyTorchFile::open(folder / "model.ckpt");
    const at::Tensor tensor = TensorFile::view(file, "w");
    EXPECT_TRUE(at::equal(tensor, at::tensor({1.5F, -2.F})));
  }
}

class MalformedPyTorchTest : public testing::TestWithParam<MalformedFile> {};

TEST_P(MalformedPyTorchTest, IsRefusedWithOneClearErrorAtOnce) {
  const TemporaryFolder folder;
  const auto start = std::chrono::steady_clock::now();
  const std::string said = refusal(folder, GetParam().bytes);
  EXPECT_THAT(said, HasSubstr("[" + folder / "model.ckpt" + "] ")) << "names the place";
  EXPECT_THAT(said, HasSubstr(GetParam().message));
  EXPECT_THAT(said, HasSubstr("nothing is run")) << "and the way out";
  EXPECT_LT(said.size(), 1000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedPyTorchTest, testing::ValuesIn(malformed_pytorch_files()),
                         [](const auto& info) { return info.param.name; });

TEST(PyTorchFileTest, RefusesAFileCutOffAnywhere) {
  for (const std::string& bytes : {sound_file(), read_file(golden_folder("pytorch/state_dict_4.ckpt"))}) {
    for (size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(accepted(bytes.substr(0, length))) << length << " of " << bytes.size();
    }
  }
}

// Accepted or refused, but never read beyond its end.
TEST(PyTorchFileTest, SurvivesEveryDamagedByte) {
  const std::string bytes = sound_file();
  int refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char value : {'\0', '\1', '\x7f', '\xff', static_cast<char>(bytes[i] ^ 4)}) {
      refused += !accepted(patched(bytes, i, std::string(1, value)));
    }
  }
  EXPECT_GT(refused, static_cast<int>(bytes.size()));
}

TEST(PyTorchFileTest, SurvivesPicklesOfRandomOpcodes) {
  std::mt19937 random(7);
  const std::string sound = pickled::whole(pickled::dict({pickled::text("w"), pickled::sound_tensor()}));
  // Opcodes that are carried out, and bytes of a sound pickle: most others end at once.
  const std::string opcodes =
      std::string("(.N\x88\x89JKM\x8aGX\x8c}])t\x85\x86\x87sauepqr\x94ghjc\x93RbQ\x80\x95") + '\0' + '\1' +
      '\2';
  for (int i = 0; i < 10'000; ++i) {
    std::string pickle = sound;
    for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes) {
      const size_t at = random() % pickle.size();
      const std::string byte(1, opcodes[random() % opcodes.size()]);
      if (random() % 2)
        pickle.replace(at, 1, byte);
      else if (random() % 2)
        pickle.insert(at, byte);
      else
        pickle.erase(at, 1 + random() % 8);
      if (pickle.empty()) pickle = ".";
    }
    accepted(torch_file(pickle));
  }
}

TEST(PyTorchFileTest, ReadsNumbersOfEveryWidth) {
  using namespace pickled;
  const std::string forms[] = {"K\x02", std::string("M\2\0", 3), std::string("J\2\0\0\0", 5), "\x8a\x01\x02",
                               number(2)};
  for (const std::string& two : forms) {
    const std::string tensor_of = tensor(storage(2), 0, two + "\x85", "K\x01\x85");
    EXPECT_TRUE(accepted(torch_file(whole(dict({text("w"), tensor_of})))));
  }
}

TEST(PyTorchFileTest, RecallsByEveryFormOfMemo) {
  using namespace pickled;
  const TemporaryFolder folder;
  const std::string forms[] = {std::string("q\0", 2) + std::string("h\0", 2),
                               "r" + little_endian<uint32_t>(0) + "j" + little_endian<uint32_t>(0),
                               "p0\ng0\n", "\x94" + std::string("h\0", 2)};
  for (const std::string& keep_and_recall : forms) {
    write_file(folder / "m.pt", torch_file(whole(sound_tensor() + keep_and_recall + "\x86")));
    EXPECT_EQ(PyTorchFile::open(folder / "m.pt")->tensors().size(), 2u);
  }
}

TEST(PyTorchFileTest, ReadsMisalignedTensors) {
  using namespace pickled;
  const TemporaryFolder folder;
  const std::string pickle =
      whole(dict({text("w"), tensor(storage(4), 0, numbers({2, 2}), numbers({1, 2}))}));
  for (const std::string padding : {"", "x", "xx", "xxx"}) {
    std::string numbers;
    for (const float value : {1.F, 2.F, 3.F, 4.F}) numbers += little_endian(value);
    write_file(folder / "m.pth",
               zip_of({{"a/data.pkl", pickle}, {"a/padding", padding}, {"a/data/0", numbers}}));
    const at::Tensor tensor = TensorFile::view(PyTorchFile::open(folder / "m.pth"), "w");
    EXPECT_TRUE(at::equal(tensor, at::tensor({1.F, 3.F, 2.F, 4.F}).view({2, 2}))) << padding;
  }
}

TEST(PyTorchFileTest, ViewsAreOfTheMapAndOutliveTheFileObject) {
  auto file = PyTorchFile::open(golden_folder("pytorch/state_dict_2.ckpt"));
  const at::Tensor first = TensorFile::view(file, "0.weight"), second = TensorFile::view(file, "0.weight");
  const at::Tensor copy = first.clone();
  file->release(file->tensors().at("0.weight"));
  file.reset();
  EXPECT_EQ(first.const_data_ptr(), second.const_data_ptr()) << "no copies";
  EXPECT_TRUE(at::equal(first, copy));
}

TEST(PyTorchCheckpointTest, IsFoundInAFolderWhereNoSafetensorsAre) {
  for (const char* name : {"diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.bin",
                           "pytorch_model.bin", "model.ckpt"}) {
    const TemporaryFolder folder;
    write_file(folder / name, sound_file());
    EXPECT_THAT(Checkpoint::open(folder.path().string()).names(), ElementsAre("w")) << name;
    write_safetensors(folder / "model.safetensors", {{"other", at::zeros({1})}});
    EXPECT_THAT(Checkpoint::open(folder.path().string()).names(), ElementsAre("other")) << name;
  }
}

TEST(PyTorchCheckpointTest, OpensShardsThroughTheirIndex) {
  using namespace pickled;
  const TemporaryFolder folder;
  write_file(folder / "pytorch_model-1.bin", sound_file());
  write_file(folder / "pytorch_model-2.bin", torch_file(whole(dict({text("v"), sound_tensor()}))));
  write_file(folder / "pytorch_model.bin.index.json",
             R"({"weight_map":{"w":"pytorch_model-1.bin","v":"pytorch_model-2.bin"}})");
  const Checkpoint checkpoint = Checkpoint::open(folder.path().string());
  EXPECT_THAT(checkpoint.names(), ElementsAre("v", "w"));
  EXPECT_EQ(checkpoint.bytes(), 16);
}

TEST(CheckpointTest, SplitsRowsOfContiguousAndOtherTensors) {
  using namespace pickled;
  const TemporaryFolder folder;
  std::string numbers_of;
  for (int i = 0; i < 24; ++i) numbers_of += little_endian(static_cast<float>(i));
  const auto view = [](const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
    return tensor(storage(24), 0, numbers(shape), numbers(strides));
  };
  const std::string pickle =
      whole(dict({text("plain"), view({6, 4}, {4, 1}), text("transposed"), view({6, 4}, {1, 6}),
                  text("vector"), view({6}, {3}), text("empty"), view({6, 0}, {1, 1})}));
  write_file(folder / "m.ckpt", zip_of({{"a/data.pkl", pickle}, {"a/data/0", numbers_of}}));
  Checkpoint checkpoint = Checkpoint::open(folder / "m.ckpt");
  for (const std::string name : {"plain", "transposed", "vector", "empty"}) {
    const at::Tensor whole_tensor = checkpoint.view(name).clone();
    checkpoint.split_rows(name, {"q", "k", "v"});
    EXPECT_FALSE(checkpoint.has(name));
    for (int part = 0; part < 3; ++part) {
      const std::string part_name(1, "qkv"[part]);
      EXPECT_TRUE(at::equal(checkpoint.view(part_name), whole_tensor.narrow(0, 2 * part, 2))) << name << part;
    }
    checkpoint.rename([](const std::string& n) { return n.size() == 1 ? std::string() : n; });
  }
}

TEST(CheckpointTest, RefusesRowsThatDoNotDivide) {
  const TemporaryFolder folder;
  write_safetensors(folder / "m.safetensors",
                    {{"a", at::zeros({4, 2})}, {"b", at::zeros({6})}, {"s", at::ones({})}});
  Checkpoint checkpoint = Checkpoint::open(folder / "m.safetensors");
  EXPECT_THROW(checkpoint.split_rows("a", {"q", "k", "v"}), std::runtime_error);
  EXPECT_THROW(checkpoint.split_rows("s", {"q"}), std::runtime_error);
  EXPECT_THROW(checkpoint.split_rows("b", {"a", "k", "v"}), std::runtime_error) << "a is there already";
}

}  // namespace reel::models::pytorch_file_test
