// PyTorch checkpoints as hostile input, with what their refusal must say. Long because it is one table of
// files.
#pragma once

#include <algorithm>

#include "tests/support/malformed_file.h"
#include "tests/support/pytorch_bytes.h"

namespace reel {

/// Pickles of a value that is put into a sound zip file.
inline std::vector<MalformedFile> pickles_that_ask_for_more_than_tensors() {
  using namespace pickled;
  const std::string dictionary = global("collections", "OrderedDict");
  const std::string command = tuple({text("touch owned")});
  const std::string stack_global = text("os") + text("system") + "\x93";
  return {
      {"OsSystem", call(global("os", "system"), command), "asks for 'os.system'"},
      {"PosixSystem", call(global("posix", "system"), command), "asks for 'posix.system'"},
      {"BuiltinsEval", call(global("builtins", "eval"), command), "asks for 'builtins.eval'"},
      {"OldBuiltinExec", call(global("__builtin__", "exec"), command), "asks for '__builtin__.exec'"},
      {"Getattr", global("builtins", "getattr"), "asks for 'builtins.getattr'"},
      {"GlobalThatIsNotUsed", global("subprocess", "Popen") + "0N", "asks for 'subprocess.Popen'"},
      {"StackGlobal", call(stack_global, command), "asks for 'os.system'"},
      {"StackGlobalOfAttribute", text("torch") + text("Size.__class__") + "\x93",
       "asks for 'torch.Size.__class__'"},
      {"StackGlobalOfNumbers", number(1) + number(2) + "\x93", "by something other than text"},
      {"Inst", "(" + text("id") + "ios\nsystem\n", "asks for 'os.system'"},
      {"InstOfAKnownGlobal", "(icollections\nOrderedDict\n", "uses INST"},
      {"Obj", "(" + dictionary + "o", "uses OBJ"},
      {"NewObj", dictionary + ")\x81", "uses NEWOBJ"},
      {"NewObjEx", dictionary + ")}\x92", "uses NEWOBJ_EX"},
      {"Ext1", "\x82\x01", "uses EXT1"},
      {"Ext2", std::string("\x83\x01\0", 3), "uses EXT2"},
      {"Ext4", std::string("\x84\x01\0\0\0", 5), "uses EXT4"},
      {"PersistentIdAsLine", "Pevil\n", "uses PERSID"},
      {"LoadOfTorch", call(global("torch", "load"), command), "asks for 'torch.load'"},
      {"LibraryOfTorch", global("torch.ops", "load_library"), "asks for 'torch.ops.load_library'"},
      {"TensorSubclass", global("torch._tensor", "_rebuild_from_type_v2"), "_rebuild_from_type_v2"},
      {"LightningCallback", global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
       "asks for 'pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint'"},
      {"NumpyScalar", global("numpy.core.multiarray", "scalar"), "asks for 'numpy.core.multiarray.scalar'"},
      {"GlobalOfTerminalCommands", global("os\x1b[2J", "system"), R"(asks for 'os\x1b[2J.system')"},
      {"GlobalOfBytes", global("o\xff\n", "x"), "asks for"},
      {"CallOfText", call(text("os.system"), command), "no function"},
      {"CallOfATensor", call(sound_tensor(), ")"), "no function"},
      {"CallWithoutTuple", call(dictionary, "]"), "no function"},
      {"CallOfAStorageType", call(global("torch", "FloatStorage"), ")"), "may only name"},
      {"OrderedDictOfArguments", call(dictionary, tuple({"]"})), "from arguments"},
      {"AttributesOfADict", "}}b", "attributes of something that has none"},
      {"AttributesOfATensor", sound_tensor() + "}b", "attributes of something that has none"},
      {"AttributesOfAFunction", dictionary + "}b", "attributes of something that has none"},
      {"AttributesThatAreNone", ordered_dict() + tuple({"N", "}"}) + "b",
       "attributes that are no dictionary"},
  };
}

inline std::vector<MalformedFile> pickles_that_are_unsound() {
  using namespace pickled;
  const auto list_of_twice_the_last = [](int times) {
    std::string value = "(]q" + std::string(1, '\0');
    for (int i = 1; i <= times; ++i) {
      const char before = static_cast<char>(i - 1), now = static_cast<char>(i);
      value += std::string("]q") + now + "(h" + before + "h" + before + "e";
    }
    return value + "t";
  };
  const std::string lists = repeated("]", 100'000) + repeated("a", 99'999);
  return {
      {"MemoNeverKept", "h\x07", "never kept"},
      {"MemoOutOfTurn", "Nr" + little_endian<uint32_t>(4'000'000'000), "out of turn"},
      {"MemoNumberHuge", "Np99999999999999999999\n", "memo number"},
      {"MemoNumberNegative", "Np-1\n", "memo number"},
      {"MemoOfNothing", std::string("q\0", 2), "more values than it has"},
      {"MemoBomb", list_of_twice_the_last(30), "share their contents"},
      {"NestedInItself", std::string("}q\0", 3) + text("a") + std::string("h\0", 2) + "s",
       "nested too deeply"},
      {"NestedDeeply", lists, "nested too deeply"},
      {"TuplesNestedDeeply", ")" + repeated("\x85", 1'000'000), "nested too deeply"},
      {"MarksWithoutEnd", repeated("(", 1'999'000), "more values than it has"},
      {"ListsWithoutEnd", repeated("]", 2'500'000), "2,000,000 opcodes"},
      {"MemosWithoutEnd", "]" + repeated("]\x94", 1'500'000), "2,000,000 opcodes"},
      {"PickleHuge", repeated(text(std::string(1 << 20, 'x')), 64), "larger than 64 MB"},
      {"TextBeyondTheEnd", "X" + little_endian<uint32_t>(0xFFFFFFFF), "cut off"},
      {"LongBeyondTheEnd", "\x8a\xff", "cut off"},
      {"FrameBeyondTheEnd", "\x95" + little_endian<uint64_t>(~uint64_t{0}), "frame"},
      {"LineWithoutEnd", "c" + std::string(100'000, 'm'), "line without end"},
      {"ValuesBehindTheEnd", "N.N", "goes on behind its end"},
      {"ValuesLeftOver", "NN", "left over"},
      {"MarkLeftOver", "N(N", "left over"},
      {"NoValue", "", "more values than it has"},
      {"CallOfNothing", "R", "more values than it has"},
      {"TakesFromBelowTheMark", "NN(\x86", "more values than it has"},
      {"NoMark", "t", "no mark"},
      {"KeyWithoutValue", "}(Nu", "without its value"},
      {"ItemsOfAList", "](NNu", "no dictionary"},
      {"AppendToATuple", ")Na", "no list"},
      {"ProtocolOne", "\x80\x01N", "protocol 1"},
      {"ProtocolNine", "\x80\x09N", "protocol 9"},
      {"TextualInteger", "I1\n", "uses INT"},
      {"Pop", "NN0", "uses POP"},
      {"Set", "\x8f", "uses EMPTY_SET"},
      {"UnknownOpcode", "\xff", "unknown opcode 255"},
  };
}

inline std::vector<MalformedFile> pickles_of_unsound_tensors() {
  using namespace pickled;
  constexpr int64_t kHuge = int64_t{1} << 62, kMost = INT64_MAX;
  const std::string one = numbers({1}), two = numbers({2});
  const auto named = [&](const std::string& value) { return dict({text("w"), value}); };
  const auto view = [&](int64_t offset, const std::vector<int64_t>& shape,
                        const std::vector<int64_t>& strides) {
    return named(tensor(storage(2), offset, numbers(shape), numbers(strides)));
  };
  const auto storage_id = [&](const std::vector<std::string>& parts) {
    return named(tensor(tuple(parts) + "Q", 0, two, one));
  };
  const std::string floats = global("torch", "FloatStorage");
  const std::string rebuild = global("torch._utils", "_rebuild_tensor_v2");
  const std::vector<std::string> arguments = {storage(2), number(0), two, one, "\x89", "}"};
  auto with_flags = arguments, too_many = arguments;
  with_flags.push_back(dict({text("conj"), "\x88"}));
  for (int i = 0; i < 5; ++i) too_many.push_back("N");
  const std::string a = text("a"), b = text("b"), sound = sound_tensor();
  return {
      {"ViewBeyondStorage", view(0, {3}, {1}), "more elements than its storage"},
      {"ViewBeyondStorageByOffset", view(1, {2}, {1}), "leaves its storage"},
      {"ViewBeyondStorageByStride", view(0, {2}, {2}), "leaves its storage"},
      {"OffsetHuge", view(kMost, {1}, {1}), "leaves its storage"},
      {"OffsetNegative", view(-1, {2}, {1}), "whole number"},
      {"StrideNegative", view(1, {2}, {-1}), "whole numbers"},
      {"SizeNegative", view(0, {-2}, {1}), "whole numbers"},
      {"StrideOverflowsToFit", view(0, {2, 1}, {kMost, kMost}), "leaves its storage"},
      {"StridesOverflowTogether", view(0, {2, 1, 1}, {kHuge, kHuge, kHuge}), "leaves its storage"},
      {"SizesOverflow", view(0, {kHuge, kHuge}, {0, 0}), "larger than any memory"},
      {"SizesOverflowToFit", view(0, {kHuge + 1, 4}, {0, 0}), "larger than any memory"},
      {"EmptyAndHuge", view(0, {kHuge, 4, 0}, {1, 1, 1}), "larger than any memory"},
      {"RepeatedElements", view(0, {1 << 30, 1 << 10}, {0, 0}), "more elements than its storage"},
      {"RankNine", view(0, std::vector<int64_t>(9, 1), std::vector<int64_t>(9, 1)), "at most 8"},
      {"StridesMissing", view(0, {2}, {}), "strides"},
      {"ShapeOfText", named(tensor(storage(2), 0, tuple({text("2")}), one)), "whole numbers"},
      {"ShapeNotATuple", named(tensor(storage(2), 0, number(2), one)), "no tuple"},
      {"TensorOfText", named(tensor(text("0"), 0, two, one)), "no storage"},
      {"TensorOfTooFewArguments", named(call(rebuild, tuple({storage(2)}))), "no storage"},
      {"TensorOfTooManyArguments", named(call(rebuild, tuple(too_many))), "no storage"},
      {"TensorToBeConjugated", named(call(rebuild, tuple(with_flags))), "lazy operation"},
      {"ParameterOfNumber",
       named(call(global("torch._utils", "_rebuild_parameter"), tuple({number(1), "\x88", "}"}))),
       "no tensor"},
      {"SizeOfNumber", named(call(global("torch", "Size"), tuple({number(1)}))), "no tuple"},
      {"StorageMissing", named(tensor(storage(2, "FloatStorage", "7"), 0, two, one)),
       "'7', which is missing"},
      {"StorageOutsideItsFolder", named(tensor(storage(2, "FloatStorage", "../version"), 0, two, one)),
       "which is missing"},
      {"StorageLargerThanItsEntry", named(tensor(storage(1000), 0, numbers({1000}), one)),
       "1000 times 4 bytes but has 8"},
      {"StorageOfWiderNumbers", named(tensor(storage(2, "DoubleStorage"), 0, two, one)),
       "2 times 8 bytes but has 8"},
      {"StorageOverflows", named(tensor(storage(kHuge + 2), 0, two, one)), "times 4 bytes but has 8"},
      {"StorageNegative", named(tensor(storage(-2), 0, two, one)), "names no storage"},
      {"StorageOfUnknownType", named(tensor(storage(2, "ComplexFloatStorage"), 0, two, one)),
       "asks for 'torch.ComplexFloatStorage'"},
      {"PersistentIdOfAModule", storage_id({text("module"), floats, text("0"), text("cpu"), number(2)}),
       "names no storage"},
      {"PersistentIdTooShort", storage_id({text("storage"), floats, text("0")}), "names no storage"},
      {"PersistentIdNotATuple", text("storage") + "Q", "names no storage"},
      {"PersistentIdOfAnotherGlobal",
       storage_id({text("storage"), rebuild, text("0"), text("cpu"), number(2)}), "names no storage"},
      {"TensorTwice", dict({a, sound, a, sound}), "'a' twice"},
      {"TensorTwiceByPath", dict({text("a.b"), sound, a, dict({b, sound})}), "'a.b' twice"},
      {"StateDictTwice", dict({text("state_dict"), dict({a, sound}), text("state_dict"), "}"}), "twice"},
      {"TensorWithoutName", sound, "name is empty"},
      {"TensorWithEmptyName", dict({text(""), sound}), "name is empty"},
      {"TensorWithLongName", dict({text(std::string(2000, 'n')), sound}), "above 1 KiB"},
      {"TensorUnderManyNames",
       dict({text(std::string(900, 'n')), dict({text(std::string(900, 'n')), sound})}), "above 1 KiB"},
      {"TensorNameNotUtf8", dict({text("\xff\xfe"), sound}), "not UTF-8"},
      {"TensorUnderNone", dict({"N", sound}), "neither a text nor a number"},
  };
}

/// Zip files that are damaged or not what they seem, around a sound pickle.
inline std::vector<MalformedFile> unsound_zip_files() {
  const std::string pickle = pickled::whole(pickled::dict({pickled::text("w"), pickled::sound_tensor()}));
  const std::vector<ZipPart> parts = torch_parts(pickle);
  const std::string file = zip_of(parts), plain = zip_of(parts, /*zip64=*/false);
  // Where the records of `file` begin: entry 2 (data/0) and its line in the directory, and those at the end.
  const size_t end = file.size() - 22, locator = end - 20, end64 = locator - 56,
               plain_end = plain.size() - 22;
  size_t local = file.find("PK\3\4"), central = file.find("PK\1\2");
  for (int i = 0; i < 2; ++i)
    local = file.find("PK\3\4", local + 4), central = file.find("PK\1\2", central + 4);
  const auto u16 = [](uint16_t value) { return little_endian(value); };
  const auto u32 = [](uint32_t value) { return little_endian(value); };
  const auto u64 = [](uint64_t value) { return little_endian(value); };
  const auto with = [&](const ZipPart& part) {
    std::vector<ZipPart> all = parts;
    all.push_back(part);
    return zip_of(all);
  };
  const auto both = [&](size_t offset_local, size_t offset_central, const std::string& bytes) {
    return patched(patched(file, local + offset_local, bytes), central + offset_central, bytes);
  };
  const auto sizes = [&](uint32_t size) { return both(18, 20, u32(size) + u32(size)); };
  auto big_endian = parts, no_pickle = parts, in_subfolder = parts;
  big_endian[1].content = "big";
  no_pickle[0].name = "a/data.pk";
  in_subfolder[0].name = "a/b/data.pkl";
  return {
      {"Empty", "", "no zip file"},
      {"Html", "<!DOCTYPE html><html><body>Not found</body></html>", "HTML page"},
      {"Safetensors", u64(2) + "{}", "looks like safetensors"},
      {"Legacy", "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.",
       "before PyTorch 1.6"},
      {"OnlyAHeader", "PK\3\4", "no directory"},
      {"NoDirectory", file.substr(0, end64), "no directory"},
      {"BytesBehindTheEnd", file + "x", "no directory"},
      {"DirectoryCutOut", file.substr(0, central) + file.substr(end64), "zip64 end record"},
      {"NoPickle", zip_of(no_pickle), "without data.pkl"},
      {"PickleInASubfolder", zip_of(in_subfolder), "without data.pkl"},
      {"TwoPickles", with({"b/data.pkl", pickle}), "two pickles"},
      {"TorchScript", with({"a/constants.pkl", pickle}), "TorchScript"},
      {"BigEndian", zip_of(big_endian), "big-endian"},
      {"Compressed", both(8, 10, u16(8)), "'a/data/0' is compressed"},
      {"CompressedInTheHeaderAlone", patched(file, local + 8, u16(8)), "contradicts the directory"},
      {"Encrypted", both(6, 8, u16(1)), "is encrypted"},
      {"EncryptedInTheHeaderAlone", patched(file, local + 6, u16(1)), "contradicts the directory"},
      {"StronglyEncrypted", both(6, 8, u16(1 << 6)), "is encrypted"},
      {"DirectoryMasked", both(6, 8, u16(1 << 13)), "is encrypted"},
      {"EntriesTwice", with({"a/data/0", "xy"}), "'a/data/0' twice"},
      {"EntriesOverlap", sizes(20), "overlap"},
      {"EntryBeyondTheDirectory", sizes(5000), "leaves the file"},
      {"EntryOfGigabytes", sizes(0xFFFFFFFE), "leaves the file"},
      {"EntryOfTwoSizes", patched(file, central + 20, u32(4)), "another size"},
      {"HeaderOfAnotherSize", patched(file, local + 22, u32(4)), "contradicts the directory"},
      {"HeaderOfAnotherName", patched(file, local + 30, "b"), "contradicts the directory"},
      {"HeaderElsewhere", patched(file, central + 42, u32(1)), "not where the directory says"},
      {"HeaderBehindTheDirectory", patched(file, central + 42, u32(static_cast<uint32_t>(end64))),
       "leaves the file"},
      {"HeaderBeyondTheFile", patched(file, central + 42, u32(0xFFFFFFF0)), "leaves the file"},
      {"HeaderIsAnotherOnes", patched(file, central + 42, u32(0)), "contradicts the directory"},
      {"HeaderNameBeyondTheFile", patched(file, local + 26, u16(0xFFFF)), "leaves the file"},
      {"NameLeadsOut", with({"a/../../x", ""}), "leads out"},
      {"NameAbsolute", with({"/etc/passwd", ""}), "leads out"},
      {"NameWithBackslash", with({"a\\x", ""}), "leads out"},
      {"NameWithZero", with({std::string("a\0b", 3), ""}), "leads out"},
      {"NameEmpty", with({"", "x"}), "name is empty"},
      {"NameLong", with({std::string(3000, 'n'), "x"}), "above 1 KiB"},
      {"NameNotUtf8", with({"a/\xff", "x"}), "not UTF-8"},
      {"MoreEntriesThanClaimed", patched(patched(plain, plain_end + 8, u16(3)), plain_end + 10, u16(3)),
       "more entries than it claims"},
      {"FewerEntriesThanClaimed", patched(patched(plain, plain_end + 8, u16(9)), plain_end + 10, u16(9)),
       "cut off"},
      {"CountsDiffer", patched(plain, plain_end + 8, u16(3)), "contradicts itself"},
      {"DirectoryElsewhere", patched(plain, plain_end + 16, u32(10)), "not where the end record says"},
      {"DirectoryBehindTheEnd", patched(plain, plain_end + 16, u32(0xFFFFFFF0)),
       "not where the end record says"},
      {"DirectoryShorter", patched(plain, plain_end + 12, u32(46)), "not where the end record says"},
      {"SeveralParts", patched(plain, plain_end + 4, u16(1)), "one part of an archive"},
      {"EntryInAnotherPart", patched(file, central + 34, u16(2)), "one part of an archive"},
      {"CommentOfTheWrongLength", patched(plain, plain_end + 20, u16(7)), "no directory"},
      {"Zip64LocatorLies", patched(file, locator + 8, u64(3)), "not where the locator says"},
      {"Zip64LocatorBeyondTheFile", patched(file, locator + 8, u64(~uint64_t{0} - 8)), "leaves the file"},
      {"Zip64RecordLonger", patched(file, end64 + 4, u64(1000)), "not where the locator says"},
      {"Zip64CountLies", patched(patched(file, end64 + 24, u64(3)), end64 + 32, u64(3)),
       "contradict each other"},
      {"Zip64CountHuge",
       patched(patched(patched(file, end64 + 24, u64(1 << 30)), end64 + 32, u64(1 << 30)), end + 8,
               u16(0xFFFF) + u16(0xFFFF)),
       "more than a million entries"},
      {"Zip64CountsDiffer", patched(file, end64 + 24, u64(3)), "contradicts itself"},
      {"Zip64DirectoryLies", patched(file, end64 + 48, u64(7)), "contradict each other"},
      {"Zip64DirectoryOverflows",
       patched(patched(file, end64 + 48, u64(~uint64_t{0} - 3)), end + 16, u32(0xFFFFFFFF)),
       "not where the end record says"},
      {"Zip64SizesMissing", patched(file, central + 20, u32(0xFFFFFFFF) + u32(0xFFFFFFFF)),
       "lacks its zip64"},
  };
}

/// All of them, as whole files.
inline std::vector<MalformedFile> malformed_pytorch_files() {
  std::vector<MalformedFile> files = unsound_zip_files();
  for (const auto& list :
       {pickles_that_ask_for_more_than_tensors(), pickles_that_are_unsound(), pickles_of_unsound_tensors()}) {
    for (const MalformedFile& file : list) {
      files.push_back({file.name, torch_file(pickled::whole(file.bytes)), file.message});
    }
  }
  return files;
}

/// Those that aim at the whole program: at running commands, and at its memory and time.
inline std::vector<MalformedFile> heavy_pytorch_files() {
  std::vector<MalformedFile> files = malformed_pytorch_files();
  const std::vector<std::string> names = {"OsSystem",        "StackGlobal",      "Inst",
                                          "MemoBomb",        "NestedInItself",   "TuplesNestedDeeply",
                                          "MarksWithoutEnd", "ListsWithoutEnd",  "MemosWithoutEnd",
                                          "PickleHuge",      "RepeatedElements", "StorageOverflows",
                                          "EntriesOverlap",  "Zip64CountHuge",   "Legacy"};
  std::erase_if(files, [&](const MalformedFile& file) {
    return std::find(names.begin(), names.end(), file.name) == names.end();
  });
  return files;
}

}  // namespace reel
