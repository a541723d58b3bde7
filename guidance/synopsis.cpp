#include "guidance/synopsis.h"

#include <c10/util/StringUtil.h>

#include <sstream>
#include <stdexcept>

namespace reel::guidance {
namespace {

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::vector<std::string> split_stages(const std::string& text) {
  const std::string all = trimmed(text);
  const bool lines = all.find('\n') != std::string::npos;
  std::vector<std::string> stages;
  std::istringstream stream(all);
  for (std::string part; std::getline(stream, part, lines ? '\n' : ';');) {
    part = trimmed(part);
    if (!part.empty() || !lines) stages.push_back(part);
  }
  return stages;
}

[[noreturn]] void fail(const std::string& message) { throw std::invalid_argument("[synopsis] " + message); }

void check_count(int64_t stages, int64_t frames) {
  if (stages < 1)
    fail("needs at least one stage, got none; write for example \"a star at night; a star at sunset\"");
  if (stages > frames) {
    fail(c10::str("a video of ", frames, " frames takes at most ", frames, " stages, got ", stages,
                  "; leave some out or make the video longer"));
  }
}

/// The frames that the stages state themselves: rising from the first frame of the video to the last.
void check_named_frames(const PromptKeys& keys, int64_t frames) {
  if (keys.front().frame != 0)
    fail(c10::str("the first stage must be at frame 0, got ", keys.front().frame, "; move it"));
  for (size_t l = 1; l < keys.size(); ++l) {
    if (keys[l].frame <= keys[l - 1].frame) {
      fail(c10::str("stage ", l + 1, " must come after frame ", keys[l - 1].frame, ", got frame ",
                    keys[l].frame, "; order the stages by their frames"));
    }
  }
  if (keys.size() > 1 && keys.back().frame != frames - 1) {
    fail(c10::str("the last stage must be at frame ", frames - 1, ", the last of ", frames, ", got ",
                  keys.back().frame, "; move it, or leave all frames out to spread the stages evenly"));
  }
}

}  // namespace

std::vector<int64_t> synopsis_knots(int64_t stages, int64_t frames) {
  check_count(stages, frames);
  std::vector<int64_t> knots;
  for (int64_t l = 0; l < stages; ++l) knots.push_back(stages == 1 ? 0 : l * (frames - 1) / (stages - 1));
  return knots;
}

PromptKeys read_synopsis(const std::string& text, int64_t frames) {
  const std::vector<std::string> stages = split_stages(text);
  const std::vector<int64_t> knots = synopsis_knots(static_cast<int64_t>(stages.size()), frames);
  PromptKeys keys;
  size_t named = 0;
  for (size_t l = 0; l < stages.size(); ++l) {
    const std::optional<PromptKey> key = find_prompt_key(stages[l]);
    named += key.has_value();
    keys.push_back(key ? *key : PromptKey{knots[l], stages[l]});
    if (keys.back().text.empty())
      fail(c10::str("stage ", l + 1, " is empty; say what is to be seen, or leave it out"));
  }
  if (named == 0) return keys;
  if (named != stages.size()) {
    fail(c10::str("all stages must name their frame as FRAME:TEXT or none, got ", named, " of ",
                  stages.size(), "; name the others' too"));
  }
  check_named_frames(keys, frames);
  return keys;
}

}  // namespace reel::guidance
