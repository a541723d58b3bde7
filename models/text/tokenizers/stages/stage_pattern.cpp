#include "models/text/tokenizers/stages/stage_pattern.h"

#include "models/text/tokenizers/stages/stage_json.h"

namespace reel::models {

TokenPattern read_stage_pattern(const StageReader& stage) {
  const StageReader::Json pattern = stage.get("pattern");
  const bool one = pattern.is_object() && pattern.size() == 1 && pattern.begin()->is_string();
  if (one && pattern.contains("Regex")) {
    return TokenPattern::expression(pattern["Regex"].get<std::string>(), stage.place());
  }
  if (one && pattern.contains("String")) {
    const std::string text = pattern["String"].get<std::string>();
    if (text.empty()) stage.refuse("'pattern' must not be empty");
    return TokenPattern::literal(text);
  }
  stage.refuse(R"('pattern' must be {"String": ...} or {"Regex": ...})");
}

}  // namespace reel::models
