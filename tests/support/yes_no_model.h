// A tiny random captioner whose vocabulary has the words yes and no.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"

namespace reel {

/// Copies a golden captioner to `to` and gives free ids of its vocabulary a text: 402 yes, 403 Yes, 404 no.
inline void make_yes_no_model(const std::filesystem::path& to) {
  std::filesystem::copy(std::string(REEL_GOLDEN) + "/captions/llava_1.5_hf", to,
                        std::filesystem::copy_options::recursive);
  nlohmann::json tokenizer;
  std::ifstream(to / "tokenizer.json") >> tokenizer;
  for (const auto& [id, text] : {std::pair(402, "yes"), std::pair(403, "Yes"), std::pair(404, "no")}) {
    tokenizer["added_tokens"].push_back({{"id", id},
                                         {"content", text},
                                         {"single_word", false},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"normalized", false},
                                         {"special", false}});
  }
  std::ofstream(to / "tokenizer.json") << tokenizer;
}

}  // namespace reel
