#include "models/text/tokenizers/stages/post_processor.h"

#include "models/text/tokenizers/stages/stage_json.h"

namespace reel::models {

namespace {

using StageJson = StageReader::Json;
constexpr size_t kMostSurrounding = 1'000;

void append_ids(const StageReader& stage, const std::string& name, std::vector<int64_t>& ids) {
  const StageJson tokens = stage.get("special_tokens");
  const auto found = tokens.is_object() ? tokens.find(name) : tokens.end();
  if (!tokens.is_object() || found == tokens.end() || !found->is_object() || !found->contains("ids") ||
      !(*found)["ids"].is_array()) {
    stage.refuse("'special_tokens' must give the ids of '" + shown(name) + "'");
  }
  const TokenReader reader{stage.place()};
  for (const StageJson& id : (*found)["ids"]) ids.push_back(reader.id(name, id));
  if (ids.size() > kMostSurrounding) stage.refuse("must add at most 1000 tokens");
}

SurroundingTokens of_template(const StageReader& stage) {
  SurroundingTokens around;
  bool text_seen = false;
  const StageJson single = stage.get("single");
  if (!single.is_array() || single.size() > kMostSurrounding) stage.refuse("'single' must be a list");
  for (const StageJson& item : single) {
    const bool one = item.is_object() && item.size() == 1 && item.begin()->is_object() &&
                     item.begin()->contains("id") && (*item.begin())["id"].is_string();
    const std::string id = one ? (*item.begin())["id"].get<std::string>() : "";
    if (one && item.contains("Sequence") && id == "A" && !text_seen) {
      text_seen = true;
    } else if (one && item.contains("SpecialToken")) {
      append_ids(stage, id, text_seen ? around.after : around.before);
    } else {
      stage.refuse("'single' must hold special tokens, and the text A once, got " + shown(item.dump()));
    }
  }
  if (!text_seen) stage.refuse("'single' must hold the text A");
  return around;
}

// ["</s>", 2]
int64_t id_of_pair(const StageReader& stage, const char* key) {
  const StageJson pair = stage.get(key);
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string()) {
    stage.refuse(std::string("'") + key + "' must be a token and its id");
  }
  return TokenReader{stage.place()}.id(pair[0].get<std::string>(), pair[1]);
}

SurroundingTokens surrounding_of(const StageJson& json, const std::string& place, int depth) {
  const StageReader stage(json, "post_processor", place);
  const std::string& type = stage.type();
  if (type == "TemplateProcessing") return of_template(stage);
  if (type == "ByteLevel") return {};
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return {{id_of_pair(stage, "cls")}, {id_of_pair(stage, "sep")}};
  }
  if (type == "Sequence") {
    if (depth > 5) stage.refuse("lies too deep in other ones");
    SurroundingTokens all;
    for (const auto& inner : stage.list("processors")) {
      const SurroundingTokens more = surrounding_of(inner, place, depth + 1);
      all.before.insert(all.before.begin(), more.before.begin(), more.before.end());
      all.after.insert(all.after.end(), more.after.begin(), more.after.end());
    }
    return all;
  }
  stage.refuse_type("TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and Sequence");
}

}  // namespace

SurroundingTokens read_post_processor(const std::string& json, const std::string& place) {
  return json.empty() ? SurroundingTokens{} : surrounding_of(StageJson::parse(json), place, 0);
}

}  // namespace reel::models
