// Graph files as hostile input, with the kind of the first problem and what its message must say.
#pragma once

#include <string>
#include <vector>

#include "tests/support/malformed_file.h"

namespace reel {

struct MalformedGraph {
  std::string name, bytes, kind, message;
};

inline void PrintTo(const MalformedGraph& file, std::ostream* stream) { *stream << file.name; }

inline std::string with_input(const std::string& value) {
  return R"({"3": {"class_type": "K", "inputs": {"x": )" + value + "}}}";
}

inline std::string many_nodes(size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i) {
    text += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"class_type":"K","inputs":{}})";
  }
  return text + "}";
}

inline std::string many_keys(size_t count) {
  std::string text = R"({"1":{"class_type":"K","other":{)";
  for (size_t i = 0; i < count; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
  return text + "}}}";
}

/// Graph files that must be refused, at the latest when they have been read.
inline std::vector<MalformedGraph> malformed_graphs() {
  return {
      {"Empty", "", "invalid_json", "[test.json]"},
      {"OnlySpace", " \n\t ", "invalid_json", "line 2"},
      {"NotJson", "hello", "invalid_json", "line 1, column 1"},
      {"Truncated", R"({"3": {"class_type": "K", "inputs": {"x": 1)", "invalid_json", "expected JSON"},
      {"TrailingComma", R"({"3": {"class_type": "K",}})", "invalid_json", "column"},
      {"TrailingText", R"({"3": {"class_type": "K"}} x)", "invalid_json", "column"},
      {"TwoDocuments", "{}{}", "invalid_json", "column 3"},
      {"Comment", "{ // no\n}", "invalid_json", "line 1"},
      {"SingleQuotes", "{'3': {}}", "invalid_json", "column 2"},
      {"BadUtf8", "{\"\xff\": {}}", "invalid_json", "UTF-8"},
      {"LoneSurrogate", R"({"\ud800": {}})", "invalid_json", "surrogate"},
      {"RawNewlineInText", "{\"3\": {\"class_type\": \"a\nb\"}}", "invalid_json", "must be escaped"},
      {"NulBytes", std::string("{\"3\"\0: {}}", 10), "invalid_json", "column"},
      {"NotANumber", with_input("NaN"), "invalid_json", "invalid literal"},
      {"HexNumber", with_input("0x10"), "invalid_json", "column"},
      {"LeadingZero", with_input("007"), "invalid_json", "column"},
      {"TopLevelList", "[]", "invalid_prompt", "Export (API)"},
      {"TopLevelNumber", "5", "invalid_prompt", "got 5"},
      {"TopLevelNull", "null", "invalid_prompt", "got null"},
      {"NodeIsList", R"({"3": []})", "invalid_node", "node 3"},
      {"NodeIsText", R"({"3": "KSampler"})", "invalid_node", "\"KSampler\""},
      {"EmptyId", R"({"": {"class_type": "K"}})", "invalid_node", "an empty one"},
      {"NoClass", R"({"3": {"inputs": {}}})", "missing_node_type", "node 3: expected class_type"},
      {"ClassIsNumber", R"({"3": {"class_type": 5, "inputs": {}}})", "missing_node_type", "got 5"},
      {"ClassIsObject", R"({"3": {"class_type": {}, "inputs": {}}})", "missing_node_type", "node 3"},
      {"ClassIsEmpty", R"({"3": {"class_type": ""}})", "missing_node_type", "got \"\""},
      {"RequestBody", R"({"prompt": {"3": {"class_type": "K"}}, "client_id": "x"})", "missing_node_type",
       "only what is under \"prompt\""},
      {"InputsAreList", R"({"3": {"class_type": "K", "inputs": [1]}})", "invalid_inputs", "node 3 (K)"},
      {"InputsAreText", R"({"3": {"class_type": "K", "inputs": "x"}})", "invalid_inputs", "got \"x\""},
      {"EmptyLink", with_input("[]"), "bad_linked_input", "node 3 (K), input 'x'"},
      {"LinkOfOne", with_input(R"(["2"])"), "bad_linked_input", "[\"2\", 0]"},
      {"LinkOfThree", with_input(R"(["2", 0, 1])"), "bad_linked_input", "input 'x'"},
      {"LinkToNumber", with_input("[2, 0]"), "bad_linked_input", "got [2, 0]"},
      {"LinkSlotIsText", with_input(R"(["2", "0"])"), "bad_linked_input", "got [\"2\", \"0\"]"},
      {"LinkSlotIsNegative", with_input(R"(["2", -1])"), "bad_linked_input", "-1"},
      {"LinkSlotIsFraction", with_input(R"(["2", 0.5])"), "bad_linked_input", "0.5"},
      {"LinkSlotIsHuge", with_input(R"(["2", 4294967296])"), "bad_linked_input", "4294967296"},
      {"LinkOfLists", with_input(R"([["2", 0], 0])"), "bad_linked_input", "another list"},
      {"IntegerBeyond64Bits", with_input("18446744073709551616"), "number_out_of_range",
       "18446744073709551616"},
      {"IntegerBelow64Bits", with_input("-9223372036854775809"), "number_out_of_range",
       "-9223372036854775809"},
      {"InfiniteNumber", with_input("1e999"), "number_out_of_range", "1e999"},
      {"DuplicateNode", R"({"3": {"class_type": "K"}, "3": {"class_type": "L"}})", "duplicate_key", "node 3"},
      {"DuplicateInput", R"({"3": {"class_type": "K", "inputs": {"x": 1, "y": 0, "x": 2}}})", "duplicate_key",
       "input 'x'"},
      {"DuplicateClass", R"({"3": {"class_type": "K", "class_type": "L"}})", "duplicate_key", "node 3"},
      {"DuplicateInIgnoredPart", R"({"3": {"class_type": "K", "z": {"a": 1, "a": 2}}})", "duplicate_key",
       "\"a\""},
      {"UiFormat",
       R"({"last_node_id": 9, "nodes": [{"id": 1, "type": "K"}], "links": [[1,2,0,3,0,"X"]], "version": 0.4})",
       "ui_format", "Workflow > Export (API)"},
      {"UiFormatVersionOne", R"({"nodes": [], "links": [], "version": 1, "state": {}})", "ui_format", "API"},
      {"DeepLists", repeated("[", 100'000), "invalid_prompt", "a list"},
      {"DeepInput", with_input(R"({"a":)" + repeated("[", 200) + repeated("]", 200) + "}"),
       "nesting_too_deep", "64"},
      {"DeepIgnoredPart", R"({"3": {"class_type": "K", "z": )" + repeated(R"({"a":)", 1000),
       "nesting_too_deep", "64"},
      {"TooManyNodes", many_nodes(10'001), "too_many_nodes", "10,000"},
      {"TooManyKeys", many_keys(250'001), "too_many_keys", "250,000"},
      {"TooLarge", std::string((16 << 20) + 1, ' '), "file_too_large", "16 MB"},
      {"LongGarbageToken", "{\"" + std::string(1 << 20, 'a'), "invalid_json", "JSON"},
      {"ManyBadNodes",
       [] {
         std::string text = "{\"x\":0";
         for (int i = 0; i < 50'000; ++i) text += ",\"" + std::to_string(i) + "\":0";
         return text + "}";
       }(),
       "invalid_node", "problems"}};
}

}  // namespace reel
