#include "guidance/decoding/decode_settings.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "attention/plugin/spec.h"

namespace reel::guidance {
namespace {

/// Keys that change no text, or that read_decode_settings reads.
const std::set<std::string>& known_keys() {
  static const std::set<std::string> keys = {"_from_model_config",
                                             "prompt",  // reel's own: models::CaptionInput::request
                                             "transformers_version",
                                             "attn_implementation",
                                             "bos_token_id",
                                             "pad_token_id",
                                             "decoder_start_token_id",
                                             "use_cache",
                                             "cache_implementation",
                                             "output_attentions",
                                             "output_hidden_states",
                                             "output_scores",
                                             "output_logits",
                                             "return_dict_in_generate",
                                             "max_new_tokens",
                                             "max_length",
                                             "do_sample",
                                             "temperature",
                                             "top_k",
                                             "top_p",
                                             "repetition_penalty",
                                             "num_beams",
                                             "length_penalty",
                                             "early_stopping",
                                             "eos_token_id",
                                             "stop_strings",
                                             "prompt_words",
                                             "prompt_parts"};
  return keys;
}

/// Whether a value of transformers' configuration is the one by which its key changes nothing.
bool is_neutral(const std::string& key, const nlohmann::json& value) {
  static const std::set<std::string> factors = {"typical_p", "num_return_sequences", "num_beam_groups",
                                                "encoder_repetition_penalty", "guidance_scale"};
  return value.is_null() || value == false || value == 0 || (value.is_array() && value.empty()) ||
         (factors.count(key) > 0 && value == 1);
}

std::vector<std::string> one_or_several(const models::Config& config, const std::string& key) {
  if (!config.has(key)) return {};
  return config.is_list(key) ? config.texts(key, {}) : std::vector<std::string>{config.text(key, "")};
}

[[noreturn]] void refuse(const std::string& name, const std::string& expected, const std::string& got) {
  throw std::invalid_argument("[decoding] '" + name + "' must be " + expected + ", got " + got);
}

}  // namespace

void DecodeSettings::check() const {
  const auto require = [](bool holds, const char* name, const char* expected, double got) {
    if (!holds) refuse(name, expected, to_text(got));
  };
  require(max_new_tokens >= 0, "max_new_tokens", "a number of tokens from 1 up", double(max_new_tokens));
  require(max_length >= 0, "max_length", "a number of tokens from 1 up", double(max_length));
  require(temperature >= 0 && std::isfinite(temperature), "temperature", "0 or a positive number",
          temperature);
  require(top_k >= 0, "top_k", "a number of tokens, or 0 for all", double(top_k));
  require(top_p >= 0 && top_p <= 1, "top_p", "in 0 to 1", top_p);
  require(repetition_penalty > 0 && std::isfinite(repetition_penalty), "repetition_penalty",
          "a positive number", repetition_penalty);
  require(num_beams >= 1 && num_beams <= 64, "num_beams", "in 1 to 64", double(num_beams));
  require(std::isfinite(length_penalty), "length_penalty", "a number", length_penalty);
  if (num_beams > 1 && temperature > 0) {
    throw std::invalid_argument(
        "[decoding] beams take the most likely texts, and a temperature takes chances, got " +
        std::to_string(num_beams) + " beams at temperature " + to_text(temperature) +
        "; leave one of the two out");
  }
}

int64_t DecodeSettings::room(int64_t prompt_tokens, int64_t context) const {
  int64_t room = max_new_tokens > 0 ? max_new_tokens
                 : max_length > 0   ? max_length - prompt_tokens
                                    : kNewTokens;
  room = std::min(room, context - prompt_tokens);
  if (room >= 1) return room;
  throw std::invalid_argument(
      "[prompt] has " + std::to_string(prompt_tokens) + " tokens, and the model takes " +
      std::to_string(max_new_tokens == 0 && max_length > 0 ? std::min(max_length, context) : context) +
      " of prompt and answer together; shorten the prompt, or give it fewer pictures");
}

DecodeSettings read_decode_settings(const models::Config& generation, const models::SpecialIds& ids,
                                    std::vector<std::string>* notes) {
  DecodeSettings settings;
  const auto note = [&](const std::string& key, const std::string& what) {
    if (notes) notes->push_back("[" + generation.place() + "] '" + key.substr(0, 60) + "' " + what);
  };
  settings.max_new_tokens = generation.bounded("max_new_tokens", 0, 0, 1 << 24);
  settings.max_length = generation.bounded("max_length", 0, 0, 1 << 24);
  if (generation.flag("do_sample", false)) {
    settings.temperature = generation.number("temperature", 1);
    settings.top_k = generation.bounded("top_k", 50, 0, 1 << 24);
    settings.top_p = generation.number("top_p", 1);
    if (settings.temperature <= 0) {
      throw std::runtime_error("[" + generation.place() +
                               "] 'temperature' must be greater than 0 with do_sample, got " +
                               to_text(settings.temperature) + "; correct the file or fetch it again");
    }
  } else {
    for (const char* key : {"temperature", "top_k", "top_p"}) {
      if (generation.has(key)) note(key, "has no effect without do_sample");
    }
  }
  settings.repetition_penalty = generation.number("repetition_penalty", 1);
  settings.num_beams = generation.bounded("num_beams", 1, 1, 64);
  settings.length_penalty = generation.number("length_penalty", 1);
  if (generation.is_text("early_stopping") && generation.text("early_stopping", "") == "never")
    settings.early_stopping = EarlyStopping::kNever;
  else if (generation.flag("early_stopping", false))
    settings.early_stopping = EarlyStopping::kAtOnce;
  settings.eos = !generation.has("eos_token_id")      ? ids.eos
                 : generation.is_list("eos_token_id") ? generation.integers("eos_token_id", {})
                                                      : std::vector{generation.integer("eos_token_id", 0)};
  settings.stop_strings = one_or_several(generation, "stop_strings");
  const nlohmann::json all = nlohmann::json::parse(generation.json());
  for (const auto& [key, value] : all.items()) {
    if (!known_keys().count(key) && !is_neutral(key, value)) note(key, "is not known here and has no effect");
  }
  try {
    settings.check();
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error("[" + generation.place() + "] states settings that cannot be: " + error.what());
  }
  return settings;
}

}  // namespace reel::guidance
