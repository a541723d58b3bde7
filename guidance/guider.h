// Guiders: denoisers that wrap a denoiser, found by name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attention/plugin/spec.h"
#include "models/denoiser.h"

namespace reel::guidance {

/// What a run tells each of its guiders.
struct GuiderRun {
  double scale = 1;  // of classifier-free guidance; at most 1: none
};

/// A guider as its plug-in declares it.
struct GuiderEntry {
  Spec spec;
  /// `inner` outlives what is made.
  std::function<std::unique_ptr<models::Denoiser>(const models::Denoiser& inner, const GuiderRun& run,
                                                  const ParamValues& options)>
      make;
};

class GuiderRegistry : public Registry<GuiderEntry> {};

/// Fills `registry` with every guider in guidance/guiders/ (generated).
void register_guiders(GuiderRegistry& registry);

/// The guider that works if a model lists no other of its name.
inline constexpr const char* kDefaultGuider = "cfg";

/// A network in its guiders.
class Guided {
 public:
  /// `guiders`: NAME[:opt=v,...], the first one next to the network. If they do not name kDefaultGuider, that one
  /// comes first. `network` must outlive this. Throws: std::invalid_argument for an unknown name or option.
  Guided(const GuiderRegistry& registry, const std::vector<std::string>& guiders,
         const models::Denoiser& network, const GuiderRun& run);
  const models::Denoiser& denoiser() const { return *wraps_.back(); }

 private:
  std::vector<std::unique_ptr<models::Denoiser>> wraps_;  // at least one
};

/// `guiders` with `guider` (NAME[:opt=v,...]) in the place of the one of its name, or behind them all.
std::vector<std::string> with_guider(std::vector<std::string> guiders, const std::string& guider);

}  // namespace reel::guidance
