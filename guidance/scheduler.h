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

/// Returns the noise of step `index`: unit variance, the shape of the latent. Stochastic schedulers call it
/// once per step.
using NoiseSource = std::function<at::Tensor(int index)>;

/// One sampling run of `steps().size()` steps. It may keep earlier predictions (multistep methods). All
/// arithmetic on the latent is f32; tables are computed in double on the host.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual const std::vector<Step>& steps() const = 0;
  /// The factor that turns unit-variance noise into the first latent (diffusers: init_noise_sigma).
  virtual double initial_noise_scale() const = 0;
  /// The latent after `step`. `prediction`: what the network returned for latent * step.input_scale.
  virtual at::Tensor advance(const Step& step, const at::Tensor& prediction, const at::Tensor& latent,
                             const NoiseSource& noise) = 0;
  /// A clean sample with noise at the level of `step`, to start a run in the middle.
  virtual at::Tensor add_noise(const at::Tensor& sample, const at::Tensor& noise, const Step& step) const = 0;
  /// The clean latent as the model estimated it at the last `advance`, for previews; undefined before the
  /// first.
  virtual at::Tensor estimate() const = 0;
};

/// A scheduler as its plug-in declares it.
struct SchedulerEntry {
  Spec spec;
  std::vector<std::string> diffusers_classes;  // `_class_name`s of scheduler_config.json that it reads
  /// `config`: scheduler_config.json; absent keys mean the defaults of its class. `options`: what the user
  /// set.
  std::function<std::unique_ptr<Scheduler>(const models::Config& config, int steps,
                                           const ParamValues& options)>
      make;
};

class SchedulerRegistry : public Registry<SchedulerEntry> {};

/// Fills `registry` with every scheduler in guidance/schedulers/ (generated).
void register_schedulers(SchedulerRegistry& registry);

/// Refuses a model folder whose index (model_index.json) calls its scheduler by a class that none here reads.
/// `name`: that class; empty: it says what the configuration says. Throws: std::runtime_error.
void require_known_class(const SchedulerRegistry& registry, const std::string& name,
                         const std::string& folder);

/// The scheduler that the model's folder names, or another one on the same noise schedule.
/// `choice`: [NAME][:opt=v,...] with a registered name; without one, the `_class_name` of the folder counts.
/// Throws: std::invalid_argument for an unknown name or option; std::runtime_error for an unusable config.
std::unique_ptr<Scheduler> make_scheduler(const SchedulerRegistry& registry, const models::Config& config,
                                          const std::string& choice, int steps);

}  // namespace reel::guidance
