#include "models/text/tokenizer_files.h"

#include "models/text/tokenizer_json.h"

namespace reel::models {

namespace {

using Json = nlohmann::json;

void take_vocabulary(BpeFiles& files, const Json& vocabulary) {
  if (!vocabulary.is_object() || vocabulary.empty()) {
    refuse_file(files.place,
                "must hold a vocabulary, an object of tokens and their ids; is it the right file?");
  }
  const TokenReader reader{files.place};
  std::vector<const std::string*> owner(TokenReader::kIdLimit, nullptr);
  files.ids.reserve(vocabulary.size());
  for (const auto& [token, value] : vocabulary.get_ref<const Json::object_t&>()) {
    const int64_t id = reader.id(token, value);
    if (owner[id] != nullptr) {
      refuse_file(files.place, "gives id " + std::to_string(id) + " to both '" + shown(*owner[id]) +
                                   "' and '" + shown(token) + "'; ids must be unique, fetch the file again");
    }
    owner[id] = &token;
    files.ids.emplace(token, id);
  }
}

// Adds the merge of two tokens; `which` names it in messages.
void take_merge(BpeFiles& files, const std::string& place, const std::string& which, const std::string& left,
                const std::string& right) {
  const auto id = [&](const std::string& token) {
    const auto found = files.ids.find(token);
    if (found == files.ids.end()) {
      refuse_file(place,
                  which + " needs the token '" + shown(token) +
                      "', which the vocabulary lacks; fetch vocabulary and merges from the same place");
    }
    return found->second;
  };
  const std::string& prefix = files.options.prefix;
  const bool inner = !prefix.empty() && right.starts_with(prefix);
  files.merges.push_back({id(left), id(right), id(left + (inner ? right.substr(prefix.size()) : right))});
}

// "left right"
void take_merge(BpeFiles& files, const std::string& place, const std::string& which,
                const std::string& line) {
  const size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
    refuse_file(place, which + " must be two tokens with a space between them, got '" + shown(line) +
                           "'; fetch the file again");
  }
  take_merge(files, place, which, line.substr(0, space), line.substr(space + 1));
}

BpeFiles::Options read_options(const Json& model, const std::string& path) {
  BpeFiles::Options options;
  const auto text = [&](const char* key, std::string& value) {
    const auto found = model.find(key);
    if (found == model.end() || found->is_null()) return;
    if (!found->is_string()) {
      refuse_file(path, "'model." + std::string(key) + "' must be a text, got " + shown(found->dump()) +
                            "; fetch the file again");
    }
    value = found->get<std::string>();
  };
  const auto flag = [&](const char* key, bool& value) {
    const auto found = model.find(key);
    if (found == model.end() || found->is_null()) return;
    if (!found->is_boolean()) {
      refuse_file(path, "'model." + std::string(key) + "' must be true or false, got " +
                            shown(found->dump()) + "; fetch the file again");
    }
    value = found->get<bool>();
  };
  const auto dropout = model.find("dropout");
  if (dropout != model.end() && !dropout->is_null() && *dropout != 0) {
    refuse_file(path, "'model.dropout' must be null: tokens by chance are not supported");
  }
  text("unk_token", options.unknown);
  text("continuing_subword_prefix", options.prefix);
  text("end_of_word_suffix", options.suffix);
  flag("fuse_unk", options.fuse_unknown);
  flag("byte_fallback", options.byte_fallback);
  flag("ignore_merges", options.ignore_merges);
  return options;
}

std::string read_stages(const Json& document) {
  Json stages = Json::object();
  for (const char* key : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    if (const auto found = document.find(key); found != document.end() && !found->is_null())
      stages[key] = *found;
  }
  return stages.dump();
}

BpeFiles read_single(const std::string& path) {
  BpeFiles files;
  files.place = path;
  const auto document = read_json_object<Json>(path, TokenReader::kIdLimit);
  const auto model = document.find("model");
  if (model == document.end() || !model->is_object()) {
    refuse_file(path, "must hold 'model', an object; is it the right file?");
  }
  const auto type = model->find("type");
  if (type != model->end() && *type != "BPE") {
    refuse_file(path, "'model.type' must be \"BPE\", got " + shown(type->dump()) +
                          "; other models are not supported");
  }
  const auto merges = model->find("merges");
  if (merges == model->end() || !merges->is_array())
    refuse_file(path, "'model.merges' must be a list; fetch the file again");
  files.options = read_options(*model, path);
  files.stages = read_stages(document);
  take_vocabulary(files, model->value("vocab", Json()));
  size_t index = 0;
  for (const Json& merge : *merges) {
    const std::string which = "merge " + std::to_string(index++);
    if (merge.is_string()) {
      take_merge(files, path, which, merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      take_merge(files, path, which, merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      refuse_file(path, which + " must be two tokens, got " + shown(merge.dump()) + "; fetch the file again");
    }
  }
  const Json added = document.value("added_tokens", Json::array());
  if (!added.is_array()) refuse_file(path, "'added_tokens' must be a list; fetch the file again");
  const TokenReader reader{path};
  for (const Json& value : added) {
    AddedToken token = reader.token("added_tokens", value);
    const int64_t id = reader.id(token.content, value.is_object() ? value.value("id", Json()) : Json());
    files.added.emplace_back(id, std::move(token));
  }
  return files;
}

BpeFiles read_double(const std::string& vocab_path, const std::string& merges_path) {
  BpeFiles files;
  files.place = vocab_path;
  take_vocabulary(files, read_json_object<Json>(vocab_path, TokenReader::kIdLimit));
  const std::string file = read_text_file(merges_path);
  const std::string_view text = without_bom(file);
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line(text.substr(begin, end - begin));
    if (end < text.size() && !line.empty() && line.back() == '\r') line.pop_back();
    begin = end + 1;
    ++number;
    if (line.starts_with("#version")) continue;
    take_merge(files, merges_path, "line " + std::to_string(number), line);
  }
  return files;
}

}  // namespace

BpeFiles read_bpe(const std::string& folder) {
  const auto path = [&](const char* name) { return (std::filesystem::path(folder) / name).string(); };
  const auto exists = [&](const char* name) { return has_input(path(name)); };
  if (exists("tokenizer.json")) return read_single(path("tokenizer.json"));
  if (exists("vocab.json")) return read_double(path("vocab.json"), path("merges.txt"));
  refuse_file(
      folder,
      "must hold tokenizer.json, or vocab.json and merges.txt, and has neither; name a tokenizer folder");
}

}  // namespace reel::models
