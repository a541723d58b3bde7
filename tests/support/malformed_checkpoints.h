// Checkpoint files as hostile input, with what their refusal must say.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/malformed_file.h"

namespace reel {

/// The bytes of a file: header length (the true one unless given), header, data.
inline std::string file_of(const std::string& header, size_t data_bytes,
                           std::optional<uint64_t> claimed = {}) {
  const uint64_t length = claimed.value_or(header.size());
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\1');
}

inline std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                          const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}";
}

/// Checkpoint files that must be refused.
inline std::vector<MalformedFile> malformed_checkpoints() {
  const std::string good = tensor("a", "F32", "[2]", "[0,8]");
  std::string deep = "{\"a\":";
  for (int i = 0; i < 100000; ++i) deep += "[";
  std::string nine = "[1,1,1,1,1,1,1,1,1]";
  return {
      {"Empty", "", "empty"},
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
      {"EmptyAndHuge", file_of("{" + tensor("a", "F32", "[0,4611686018427387904,4]", "[0,0]") + "}", 0),
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
      {"MetadataHuge", file_of("{\"__metadata__\":{" + many_members(200'001, "\"\"") + "}}", 0), "200,000"},
      {"EntryHuge", file_of("{\"a\":{\"shape\":[0" + repeated(",0", 200'001) + "]}}", 0), "200,000"},
      {"MetadataNotText", file_of("{\"__metadata__\":{\"a\":1}}", 0), "__metadata__"},
      {"Pickle", std::string("\x80\x02}q\x01.", 6) + std::string(64, 'x'), "pickle"},
      {"Html", "<!DOCTYPE html><html><body>Not found</body></html>", "HTML page"}};
}

}  // namespace reel
