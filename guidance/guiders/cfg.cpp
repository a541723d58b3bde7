// `cfg`: classifier-free guidance.
#include "guidance/classifier_free.h"
#include "guidance/guider.h"

namespace reel::guidance {

void register_cfg(GuiderRegistry& registry) {
  GuiderEntry entry;
  entry.spec = {"cfg", "Moves the prediction away from that of the negative prompt.",
                "Classifier-Free Diffusion Guidance, 2022"};
  entry.spec.params = {{"rescale", "share of the deviation restored", 0.0, Range{0, 1}},
                       {"two_passes", "one half after the other: half the memory, somewhat slower", false}};
  entry.make = [](const models::Denoiser& inner, const GuiderRun& run, const ParamValues& options) {
    return std::make_unique<ClassifierFree>(
        inner, ClassifierFreeOptions{.scale = run.scale,
                                     .rescale = std::get<double>(options.at("rescale")),
                                     .two_passes = std::get<bool>(options.at("two_passes"))});
  };
  registry.add(std::move(entry));
}

}  // namespace reel::guidance
