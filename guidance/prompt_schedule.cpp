#include "guidance/prompt_schedule.h"

#include <ATen/ops/stack.h>
#include <c10/util/StringUtil.h>

#include <map>
#include <stdexcept>

namespace reel::guidance {
namespace {

void check_keys(const std::vector<int64_t>& key_frames, int64_t frames) {
  if (key_frames.empty())
    throw std::invalid_argument("[prompt schedule] needs at least one prompt, got none; add one");
  std::map<int64_t, int> seen;
  for (const int64_t frame : key_frames) {
    if (frame < 0 || frame >= frames) {
      throw std::invalid_argument(c10::str("[prompt schedule] a prompt's frame must lie in 0 to ", frames - 1,
                                           ", got ", frame, "; move it or make the video longer"));
    }
    if (++seen[frame] > 1) {
      throw std::invalid_argument(
          c10::str("[prompt schedule] frame ", frame, " must have one prompt, got two; remove or move one"));
    }
  }
}

}  // namespace

at::Tensor schedule_contexts(const std::vector<int64_t>& key_frames, const at::Tensor& contexts,
                             int64_t frames, PromptBlend blend) {
  check_keys(key_frames, frames);
  if (contexts.dim() != 3 || contexts.size(0) != static_cast<int64_t>(key_frames.size())) {
    throw std::invalid_argument(c10::str("[prompt schedule] needs contexts [", key_frames.size(),
                                         ", L, D], one per key, got ", contexts.sizes(),
                                         "; encode one text per key"));
  }
  std::map<int64_t, at::Tensor> knots;  // sorted by frame
  for (size_t k = 0; k < key_frames.size(); ++k) knots[key_frames[k]] = contexts[static_cast<int64_t>(k)];

  std::vector<at::Tensor> scheduled;
  for (int64_t frame = 0; frame < frames; ++frame) {
    const auto after = knots.upper_bound(frame);
    if (after == knots.begin()) {
      scheduled.push_back(after->second);
      continue;
    }
    const auto before = std::prev(after);
    if (after == knots.end() || blend == PromptBlend::kHold || before->first == frame) {
      scheduled.push_back(before->second);
      continue;
    }
    const double weight =
        static_cast<double>(frame - before->first) / static_cast<double>(after->first - before->first);
    // Written like this, two equal contexts mix to themselves, bit for bit.
    scheduled.push_back(before->second + (after->second - before->second) * weight);
  }
  return at::stack(scheduled).unsqueeze(0);
}

at::Tensor schedule_prompts(const PromptKeys& keys, int64_t frames, const models::TextEncoder& encoder,
                            PromptBlend blend, int clip_skip) {
  std::vector<int64_t> key_frames;
  std::vector<std::string> texts;
  for (const PromptKey& key : keys) {
    key_frames.push_back(key.frame);
    texts.push_back(key.text);
  }
  check_keys(key_frames, frames);  // before the encoder is put to work
  return schedule_contexts(key_frames, encoder.encode(texts, clip_skip).to(at::kFloat), frames, blend);
}

}  // namespace reel::guidance
