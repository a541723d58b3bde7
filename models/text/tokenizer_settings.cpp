// Which tokens a folder adds, as transformers 5 reads its small files. The rules have grown over years of
// formats; the order and the exceptions below are what PreTrainedTokenizerBase._from_pretrained and
// TokenizersBackend.__init__ do.
#include "models/text/tokenizer_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "models/text/tokenizer_json.h"

namespace reel::models {

namespace {

using OrderedJson =
    nlohmann::ordered_json;  // keys in the order of the file: added tokens get their ids by it

constexpr size_t kMaxKeys = 10'000;  // in an object, or tokens in a list: they are looked up one by one
constexpr std::array kRoles = {"bos_token", "eos_token", "unk_token", "sep_token",
                               "pad_token", "cls_token", "mask_token"};

// A token as the files give it: as an object with its options, or as mere text.
struct Entry {
  AddedToken token;
  bool text = false;
  bool raw = false;  // an object of tokenizer_config.json: added_tokens.json does not know its text
  bool operator==(const Entry& other) const { return token == other.token && text == other.text; }
};

Entry read_entry(const TokenReader& reader, const std::string& key, const OrderedJson& value) {
  const bool raw = value.is_object() && reader.place.ends_with("tokenizer_config.json");
  return {reader.token(key, value), value.is_string(), raw};
}

using Named = std::vector<std::pair<std::string, Entry>>;

Entry* find(Named& named, const std::string& key) {
  const auto found =
      std::find_if(named.begin(), named.end(), [&](const auto& item) { return item.first == key; });
  return found == named.end() ? nullptr : &found->second;
}

void put(Named& named, const std::string& key, Entry entry) {
  if (Entry* there = find(named, key)) {
    *there = std::move(entry);
  } else {
    named.emplace_back(key, std::move(entry));
  }
}

bool is_role(const std::string& key) { return std::find(kRoles.begin(), kRoles.end(), key) != kRoles.end(); }

using List = std::vector<Entry>;

// Everything that the small files say, before defaults and order are applied.
struct Findings {
  Named named;                       // roles, and tokens of the model's own ("image_token") given as objects
  Named own;                         // tokens of the model's own given as text; they come last
  std::optional<List> extra, older;  // extra_special_tokens; additional_special_tokens, its older name
  std::map<int64_t, AddedToken> added;  // by the id that the file states
  std::map<std::string, AddedToken> by_content;

  // The older name counts only where the newer one is not there at all.
  const List& unnamed() const {
    static const List none;
    return extra ? *extra : older ? *older : none;
  }
};

List read_list(const TokenReader& reader, const std::string& key, const OrderedJson& list) {
  if (list.is_null()) return {};
  if (!list.is_array() || list.size() > kMaxKeys) {
    refuse_file(reader.place, "'" + key + "' must be a list of at most 10000 tokens, got " +
                                  shown(list.dump()) + "; correct the file or fetch it again");
  }
  List tokens;
  for (const OrderedJson& item : list) tokens.push_back(read_entry(reader, key, item));
  return tokens;
}

void take_own(const TokenReader& reader, const OrderedJson& object, Findings& found) {
  for (const auto& [key, value] : object.items()) put(found.own, key, read_entry(reader, key, value));
}

void take_config(const TokenReader& reader, const OrderedJson& config, Findings& found) {
  for (const auto& [key, value] : config.items()) {
    // add_bos_token and the like are no tokens.
    if (!key.ends_with("_token") || value.is_null() || value.is_boolean()) continue;
    if (is_role(key)) {
      put(found.named, key, read_entry(reader, key, value));
    } else if (value.is_string()) {
      put(found.own, key, read_entry(reader, key, value));
    } else if (value.is_object() && value.contains("__type")) {
      put(found.named, key, read_entry(reader, key, value));
    }
  }
  const auto extra = config.find("extra_special_tokens");
  const auto older = config.find("additional_special_tokens");
  if (extra != config.end() && !extra->is_object()) {
    found.extra = read_list(reader, "extra_special_tokens", *extra);
  }
  if (older != config.end()) found.older = read_list(reader, "additional_special_tokens", *older);
  // Here an empty value of the newer name is as good as none.
  if (found.older && (extra == config.end() || extra->empty())) {
    found.extra = std::exchange(found.older, std::nullopt);
  } else if (extra != config.end() && extra->is_object()) {
    take_own(reader, *extra, found);
  }
}

void take_map(const TokenReader& reader, const OrderedJson& map, Findings& found) {
  for (const auto& [key, value] : map.items()) {
    if (value.is_null()) continue;
    if (key == "extra_special_tokens" && value.is_object()) {
      take_own(reader, value, found);
      found.extra.reset();
    } else if (key == "extra_special_tokens") {
      List more = read_list(reader, key, value);
      for (Entry& entry : more) entry.token.special |= !entry.text;
      if (!found.extra) found.extra.emplace();
      found.extra->insert(found.extra->end(), more.begin(), more.end());
    } else if (key == "additional_special_tokens") {
      found.older = read_list(reader, key, value);
    } else if (key.ends_with("_token")) {
      Entry entry = read_entry(reader, key, value);
      if (!entry.text) entry.token.special = true;
      put(found.named, key, std::move(entry));
    }
  }
}

Findings read_findings(const std::string& folder, const BpeFiles& files, const OrderedJson& config,
                       const std::string& config_path) {
  const auto path = [&](const char* name) { return (std::filesystem::path(folder) / name).string(); };
  Findings found;
  take_config({config_path}, config, found);
  const auto add = [&](int64_t id, AddedToken token) {
    found.by_content[token.content] = token;
    found.added[id] = std::move(token);
  };
  if (config.contains("added_tokens_decoder")) {  // newer folders: nothing else is looked at
    const TokenReader reader{config_path};
    const OrderedJson& decoder = config["added_tokens_decoder"];
    if (!decoder.is_object()) {
      refuse_file(config_path, "'added_tokens_decoder' must be an object; fetch the file again");
    }
    for (const auto& [key, value] : decoder.items()) {
      int64_t id = 0;
      const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (code != std::errc() || end != key.data() + key.size()) id = -1;
      add(reader.id(key, OrderedJson(id)), reader.token(key, value));
    }
    return found;
  }
  if (has_input(path("special_tokens_map.json"))) {
    const TokenReader reader{path("special_tokens_map.json")};
    take_map(reader, read_json_object<OrderedJson>(reader.place, kMaxKeys), found);
  }
  if (has_input(path("added_tokens.json"))) {
    const TokenReader reader{path("added_tokens.json")};
    const auto document = read_json_object<OrderedJson>(reader.place, kMaxKeys);
    for (const auto& [content, id] : document.items()) {
      AddedToken token = reader.token(content, OrderedJson(content));
      const auto same = [&content = content](const Entry& entry) {
        return !entry.raw && entry.token.content == content;
      };
      token.special = (found.extra && std::any_of(found.extra->begin(), found.extra->end(), same)) ||
                      std::any_of(found.named.begin(), found.named.end(),
                                  [&](const auto& item) { return is_role(item.first) && same(item.second); });
      token.normalized = !token.special;
      const int64_t number = reader.id(content, id);
      add(number, std::move(token));
    }
  }
  for (const auto& [id, token] : files.added) add(id, token);
  return found;
}

// `model_max_length`, or its older name. Huge values, which stand for "no limit", and absent ones give 0.
int64_t read_max_length(const OrderedJson& config, const std::string& place) {
  OrderedJson value = config.value("model_max_length", OrderedJson());
  if (value.is_null()) value = config.value("max_len", OrderedJson());
  if (value.is_null()) return 0;
  if (!value.is_number() || !(value.get<double>() >= 1)) {
    refuse_file(place, "'model_max_length' must be a number from 1, got " + shown(value.dump()) +
                           "; correct the file");
  }
  return value.get<double>() > 1e6 ? 0 : value.get<int64_t>();
}

std::optional<bool> read_choice(const OrderedJson& config, const std::string& place, const char* key) {
  const OrderedJson value = config.value(key, OrderedJson());
  if (value.is_null()) return std::nullopt;
  if (!value.is_boolean()) {
    refuse_file(place, std::string("'") + key + "' must be true or false, got " + shown(value.dump()) +
                           "; correct the file");
  }
  return value.get<bool>();
}

OrderedJson read_config(const std::string& path) {
  return has_input(path) ? read_json_object<OrderedJson>(path, kMaxKeys) : OrderedJson::object();
}

}  // namespace

std::string read_tokenizer_class(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "tokenizer_config.json").string();
  const OrderedJson name = read_config(path).value("tokenizer_class", OrderedJson());
  return name.is_string() ? name.get<std::string>() : std::string();
}

TokenizerSettings read_tokenizer_settings(const std::string& folder, const BpeFiles& files,
                                          TokenizerSettings settings) {
  const std::string config_path = (std::filesystem::path(folder) / "tokenizer_config.json").string();
  const OrderedJson config = read_config(config_path);
  Findings found = read_findings(folder, files, config, config_path);

  // A role whose text is also an added token has that token's options.
  for (auto& [key, entry] : found.named) {
    const auto added = found.by_content.find(entry.token.content);
    if (is_role(key) && added != found.by_content.end()) entry = {added->second};
  }
  const std::map<std::string, std::string*> defaults = {{"bos_token", &settings.bos},
                                                        {"eos_token", &settings.eos},
                                                        {"unk_token", &settings.unk},
                                                        {"pad_token", &settings.pad}};
  Named named;  // roles first, then the model's own
  for (const std::string role : kRoles) {
    const auto fallback = defaults.find(role);
    if (const Entry* entry = find(found.named, role)) {
      if (fallback != defaults.end()) *fallback->second = entry->token.content;
      named.emplace_back(role, *entry);
    } else if (fallback != defaults.end()) {
      Entry entry;
      entry.token.content = *fallback->second;
      entry.text = true;
      named.emplace_back(role, std::move(entry));
    }
  }
  for (const auto& [key, entry] : found.named) {
    if (!is_role(key)) put(named, key, entry);
  }
  for (const auto& [key, entry] : found.own) put(named, key, entry);

  // Added tokens, then named ones and extra ones that are not among them. A content may come twice with
  // different options, as text for one role and as an object for another: then the last one counts.
  std::set<std::string> stated;
  for (const auto& [id, token] : found.added) stated.insert(token.content);
  List all;
  const auto append = [&](const Entry& entry) {
    const bool known = stated.contains(entry.token.content);
    if (!known && std::find(all.begin(), all.end(), entry) == all.end()) all.push_back(entry);
  };
  for (const auto& [key, entry] : named) append(entry);
  for (const Entry& entry : found.unnamed()) append(entry);

  std::set<std::string> names;
  for (const auto& [key, entry] : named) names.insert(entry.token.content);
  const auto add = [&](Entry entry) {
    if (entry.text) {
      entry.token.special = true;
      entry.token.normalized = false;
    } else if (names.contains(entry.token.content)) {
      entry.token.special = true;
    }
    settings.added.push_back(std::move(entry.token));
  };
  for (const auto& [id, token] : found.added) add({token});
  for (const Entry& entry : all) add(entry);
  for (const auto& [key, entry] : named) {
    if (!entry.token.content.empty()) settings.named.emplace_back(key, entry.token.content);
  }
  settings.add_bos = read_choice(config, config_path, "add_bos_token");
  settings.add_eos = read_choice(config, config_path, "add_eos_token");
  settings.legacy = read_choice(config, config_path, "legacy");
  settings.add_prefix_space = read_choice(config, config_path, "add_prefix_space");
  settings.max_length = read_max_length(config, config_path);
  const OrderedJson split = config.value("split_special_tokens", OrderedJson());
  settings.split_special = split.is_boolean() && split.get<bool>();
  return settings;
}

}  // namespace reel::models
