#include "pipeline/captioning/yes_or_no.h"

#include <algorithm>
#include <cctype>
#include <limits>

namespace reel::pipeline {

YesOrNo::YesOrNo(const PromptWriter& prompts, int64_t vocabulary) {
  for (int64_t id = 0; id < vocabulary; ++id) {
    std::string text = prompts.read({id});
    if (text.size() > 3) continue;
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    if (text == "yes") yes_.push_back(id);
    if (text == "no") no_.push_back(id);
  }
}

double YesOrNo::margin(const at::Tensor& logits) const {
  if (yes_.empty() || no_.empty()) return std::numeric_limits<double>::quiet_NaN();
  const at::Tensor all = logits.contiguous();
  const auto largest = [values = all.const_data_ptr<float>()](const std::vector<int64_t>& ids) {
    float most = values[ids.front()];
    for (const int64_t id : ids) most = std::max(most, values[id]);
    return double(most);
  };
  return largest(yes_) - largest(no_);
}

}  // namespace reel::pipeline
