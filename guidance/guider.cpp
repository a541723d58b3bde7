#include "guidance/guider.h"

#include <algorithm>

namespace reel::guidance {
namespace {

std::string guider_name(const std::string& text) { return text.substr(0, text.find(':')); }

}  // namespace

Guided::Guided(const GuiderRegistry& registry, const std::vector<std::string>& guiders,
               const models::Denoiser& network, const GuiderRun& run) {
  const auto wrap = [&](const std::string& text) {
    const GuiderEntry& entry = registry.get("guider", guider_name(text));
    const size_t colon = text.find(':');
    const std::string options = colon == std::string::npos ? "" : text.substr(colon + 1);
    const models::Denoiser& inner = wraps_.empty() ? network : *wraps_.back();
    wraps_.push_back(
        entry.make(inner, run, complete_options(entry.spec, parse_options(entry.spec, options))));
  };
  const bool named = std::any_of(guiders.begin(), guiders.end(),
                                 [](const std::string& text) { return guider_name(text) == kDefaultGuider; });
  if (!named) wrap(kDefaultGuider);
  for (const std::string& text : guiders) wrap(text);
}

std::vector<std::string> with_guider(std::vector<std::string> guiders, const std::string& guider) {
  for (std::string& known : guiders) {
    if (guider_name(known) != guider_name(guider)) continue;
    known = guider;
    return guiders;
  }
  guiders.push_back(guider);
  return guiders;
}

}  // namespace reel::guidance
