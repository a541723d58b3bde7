// The interface of a noise scheduler: the numerical method that turns predictions into a less noisy latent.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "attention/call.h"
#include "attention/plugin/spec.h"
#include "models/files/config.h"

namespace reel::guidance {

/// The noise drawn at step `index`, unit variance, shaped as the latent; stochastic schedulers ask for it
/// once a step.
using NoiseSource = std::function<at::Tensor(int index)>;

/// One sampling run of `steps().size()` steps; may keep earlier predictions (multistep methods). All
/// arithmetic on the latent is f32; tables are computed in double on the host.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual const std::vector<Step>& steps() const = 0;
  /// What unit-variance noise is multiplied by to become the first latent (diffusers: init_noise_sigma).
  virtual double initial_noise_scale() const = 0;
  /// The latent after `step`: prediction is the network's answer to latent * step.input_scale.
  virtual at::Tensor advance(const Step& step, const at::Tensor& prediction, const at::Tensor& latent,
                             const NoiseSource& noise) = 0;
  /// A clean sample noised to the level of `step`, for starting in the middle.
  virtual at::Tensor add_noise(const at::Tensor& sample, const at::Tensor& noise, const Step& step) const = 0;
  /// The model's estimate of the clean latent at the last `advance`, for previews; undefined before it.
  virtual at::Tensor estimate() const = 0;
};

/// A scheduler as its plug-in declares it. `diffusers_classes`: the `_class_name`s of scheduler_config.json
/// it reads.
struct SchedulerEntry {
  Spec spec;
  std::vector<std::string> diffusers_classes;
  /// `config`: scheduler_config.json, absent keys meaning that class's defaults; `options`: what the user
  /// set.
  std::function<std::unique_ptr<Scheduler>(const models::Config& config, int steps,
                                           const ParamValues& options)>
      make;
};

class SchedulerRegistry : public Registry<SchedulerEntry> {};

/// Fills `registry` with every scheduler in guidance/schedulers/ (generated).
void register_schedulers(SchedulerRegistry& registry);

/// The scheduler that a model's folder asks for, or the named one on the same noise schedule.
/// `choice`: "" (the folder's own `_class_name`) or NAME[:opt=v,...], a registered name.
/// Throws: std::invalid_argument for an unknown name or option; std::runtime_error for an unusable config.
std::unique_ptr<Scheduler> make_scheduler(const SchedulerRegistry& registry, const models::Config& config,
                                          const std::string& choice, int steps);

}  // namespace reel::guidance
