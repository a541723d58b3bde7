#include "models/lora/adapter_header.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "models/files/strict_json.h"

namespace reel::models {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;  // the first pattern that fits counts

constexpr size_t kMaxText = size_t{4} << 20;
constexpr JsonLimits kLimits{.depth = 16, .values = 200'000};

/// Entries that say where an adapter comes from, how it was trained, or which layers it has: its tensors say the
/// latter, too. fan_in_fan_out means a layer that transposes its weight, which no network here has; peft drops it.
constexpr const char* kHarmless[] = {
    "task_type",      "inference_mode",    "auto_mapping",        "base_model_name_or_path",
    "revision",       "peft_version",      "target_modules",      "exclude_modules",
    "lora_dropout",   "layers_pattern",    "megatron_config",     "layers_to_transform",
    "megatron_core",  "modules_to_save",   "eva_config",          "loftq_config",
    "runtime_config", "qalora_group_size", "ensure_weight_tying", "fan_in_fan_out",
    "rank_dropout",   "module_dropout",    "rank_dropout_scale",  "bias",
    "corda_config"};
constexpr const char* kHonoured[] = {
    "r",          "lora_alpha", "alpha",     "rank_pattern",      "alpha_pattern",
    "use_rslora", "use_dora",   "lora_bias", "init_lora_weights", "peft_type"};
constexpr const char* kPrefixes[] = {"unet.", "transformer.", "text_encoder.", "text_encoder_2.",
                                     "text_encoder_3."};

template <class List>
bool listed(const List& list, const std::string& key) {
  return std::find(std::begin(list), std::end(list), key) != std::end(list);
}

bool says_nothing(const Json& value) {
  return value.is_null() || value == false || value == 0 || value == "" ||
         (value.is_structured() && value.empty());
}

std::string text_of(const Json& value) {
  return shown(value.dump(-1, ' ', true, Json::error_handler_t::replace));
}

}  // namespace

bool pattern_names(const std::string& pattern, const std::string& path) {
  // A regular expression of a stranger can take time without end: repeated groups, or many repeats.
  const auto repeats =
      std::count_if(pattern.begin(), pattern.end(), [](char c) { return c == '*' || c == '+' || c == '{'; });
  const bool nested = pattern.find(")*") != std::string::npos || pattern.find(")+") != std::string::npos ||
                      pattern.find("){") != std::string::npos;
  if (pattern.size() > 400 || path.size() > 400 || repeats > 3 || nested)
    throw std::invalid_argument("is too long or repeats too much");
  try {
    const bool whole = pattern.starts_with('^');
    const std::string inner = "(?:" + (whole ? pattern.substr(1) : pattern) + ")";
    return std::regex_match(path, std::regex(whole ? inner : "(?:.*\\.)?" + inner));
  } catch (const std::regex_error&) {
    throw std::invalid_argument("is no regular expression");
  }
}

/// The entries about one component.
struct AdapterHeader::Component {
  std::string place, prefix;
  bool bare = false;  // entries of the header itself, without peft's defaults behind them
  std::map<std::string, Json> entries;

  [[noreturn]] void refuse(const std::string& key, const std::string& what) const {
    throw std::runtime_error("[" + place + "] '" + prefix + key + "' " + what);
  }
  [[noreturn]] void refuse_value(const std::string& key, const char* expected, const Json& got) const {
    refuse(key, std::string("must be ") + expected + ", got " + text_of(got) +
                    "; correct the header or fetch the file again");
  }
  const Json* find(const std::string& key) const {
    const auto found = entries.find(key);
    return found == entries.end() || found->second.is_null() ? nullptr : &found->second;
  }
  double number(const std::string& key, const Json& value) const {
    if (!value.is_number() || !std::isfinite(value.get<double>())) refuse_value(key, "a number", value);
    return value.get<double>();
  }
  std::optional<bool> flag(const std::string& key) const {
    const Json* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_boolean()) refuse_value(key, "true or false", *value);
    return value->get<bool>();
  }
  /// The number for a layer: that of the first pattern which names it, else the common one.
  double number_for(const std::string& path, const char* pattern_key, const std::string& key,
                    double absent) const {
    const Json* common = find(key);
    double result = common ? number(key, *common) : absent;
    const Json* patterns = find(pattern_key);
    if (!patterns) return result;
    if (!patterns->is_object()) refuse_value(pattern_key, "an object of numbers", *patterns);
    for (const auto& [pattern, value] : patterns->items()) {
      try {
        if (pattern_names(pattern, path)) return number(pattern_key, value);
      } catch (const std::invalid_argument& error) {
        refuse(pattern_key, "has the pattern '" + shown(pattern) + "', which " + error.what() +
                                "; write out the names of the layers");
      }
    }
    return result;
  }

  /// Refuses what no merged weight can express, or what nobody here knows.
  void check() const {
    for (const auto& [key, value] : entries) {
      if (listed(kHonoured, key) || listed(kHarmless, key) || says_nothing(value)) continue;
      refuse(key,
             "is " + text_of(value) +
                 ", which may change what the factors mean and is not known here; merge the LoRA in peft and "
                 "save the merged model");
    }
    if (const Json* kind = find("peft_type"); kind && *kind != "LORA" && *kind != "LOHA") {
      refuse("peft_type",
             "is " + text_of(*kind) +
                 ", LORA and LOHA can be read; merge the adapter in peft and save the merged model");
    }
    if (const Json* start = find("init_lora_weights"); start && start->is_string()) {
      const std::string name = start->get<std::string>();
      if (name != "gaussian" && name != "eva" && name != "orthogonal") {
        refuse("init_lora_weights",
               "is " + text_of(*start) +
                   ", for which peft changes the model's own weights, too; save the adapter with "
                   "path_initial_model_for_weight_conversion, which makes a plain LoRA of it");
      }
    }
    for (const char* key : {"use_rslora", "use_dora", "lora_bias"}) flag(key);
  }
};

AdapterHeader::~AdapterHeader() = default;

AdapterHeader::AdapterHeader(const TensorFile& file) : place_(file.path()) {
  std::vector<std::pair<std::string, Json>> entries;
  const auto read = [&](const std::string& text, const std::string& place) {
    const Json whole =
        text.size() > kMaxText ? Json() : parse_strict<Json>(text, kLimits, [&](const JsonFault&) {
          throw std::runtime_error("[" + place +
                                   "] is not valid JSON, or has a key twice; fetch the file again");
        });
    if (!whole.is_object())
      throw std::runtime_error("[" + place +
                               "] must be a JSON object of the adapter's settings; fetch the file again");
    for (const auto& [key, value] : whole.items()) entries.emplace_back(key, value);
  };
  const auto& metadata = file.metadata();
  for (const char* key : {"lora_adapter_metadata", "adapter_config", "peft_config", "lora_config"}) {
    if (const auto found = metadata.find(key); found != metadata.end())
      read(found->second, place_ + ": " + key);
  }
  // Some programs write the settings into the header one by one, as texts.
  const auto has = [&](const char* key) { return metadata.count(key) > 0; };
  const bool bare =
      entries.empty() && (has("lora_alpha") || has("alpha_pattern") || has("use_rslora") || has("use_dora"));
  for (const char* key : kHonoured) {
    const auto found = metadata.find(key);
    if (!bare || found == metadata.end()) continue;
    std::string text = found->second;
    if (text == "True" || text == "False") text[0] = static_cast<char>(text[0] + ('a' - 'A'));
    const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    entries.emplace_back(key, value.is_discarded() ? Json(found->second) : value);
  }
  const fs::path path(place_), beside = path.parent_path() / "adapter_config.json";
  std::error_code ignored;
  if (entries.empty() && path.filename().string().starts_with("adapter_model.") &&
      fs::is_regular_file(beside, ignored)) {
    place_ = beside.string();
    std::ifstream stream(beside);
    std::string text(kMaxText + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(stream.gcount()));
    read(text, place_);
  }
  for (auto& [key, value] : entries) {
    std::string prefix;
    for (const char* known : kPrefixes) {
      if (key.starts_with(known)) prefix = known;
    }
    auto& component = components_[prefix];
    if (!component) component.reset(new Component{place_, prefix, bare, {}});
    if (!component->entries.emplace(key.substr(prefix.size()), value).second)
      throw std::runtime_error("[" + place_ + "] says '" + shown(key) + "' twice; fetch the file again");
  }
  for (const auto& [prefix, component] : components_) component->check();
}

const AdapterHeader::Component* AdapterHeader::of(LoraTarget target) const {
  const auto find = [&](const char* prefix) -> const Component* {
    const auto found = components_.find(prefix);
    return found == components_.end() ? nullptr : found->second.get();
  };
  const Component* own = nullptr;
  if (target == LoraTarget::kDenoiser) {
    own = find("unet.");
    if (!own) own = find("transformer.");
  }
  if (target == LoraTarget::kTextEncoder) own = find("text_encoder.");
  return own ? own : find("");
}

bool AdapterHeader::speaks_of(LoraTarget target) const { return of(target) != nullptr; }

std::optional<double> AdapterHeader::scale(LoraTarget target, const std::string& path, int64_t rank) const {
  const Component* said = of(target);
  if (!said) return std::nullopt;
  constexpr double kPeftDefault = 8;  // of r, lora_alpha and alpha alike
  const double r =
      said->number_for(path, "rank_pattern", "r", said->bare ? static_cast<double>(rank) : kPeftDefault);
  if (r != static_cast<double>(rank)) {
    throw std::runtime_error(
        "[" + place_ + "] says that '" + path + "' has rank " + std::to_string(std::lround(r)) +
        (said->find("r") ? "" : " (peft's default, as 'r' is absent)") + ", but its factors have rank " +
        std::to_string(rank) + "; header and factors are of different files: fetch them again");
  }
  const char* alpha_key = said->find("lora_alpha") || !said->find("alpha") ? "lora_alpha" : "alpha";
  const double alpha = said->number_for(path, "alpha_pattern", alpha_key, kPeftDefault);
  return alpha / (said->flag("use_rslora").value_or(false) ? std::sqrt(r) : r);
}

std::optional<bool> AdapterHeader::dora(LoraTarget target) const {
  const Component* said = of(target);
  return said ? said->flag("use_dora") : std::nullopt;
}

std::optional<bool> AdapterHeader::bias(LoraTarget target) const {
  const Component* said = of(target);
  return said ? said->flag("lora_bias") : std::nullopt;
}

}  // namespace reel::models
