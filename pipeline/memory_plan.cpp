#include "pipeline/memory_plan.h"

#include <algorithm>

#include "models/default_dtype.h"
#include "models/plan.h"
#include "pipeline/process_memory.h"

namespace reel::pipeline {
namespace {

/// What no tensor shows, fitted to the peaks of eleven jobs on one machine (docs/memory.md): pages of the libraries' code
/// and tables that a first run touches; frames on their way through decoder, rounding and encoder, in multiples of the
/// decoded ones. Kernels for halves keep weights in an order of their own besides.
constexpr int64_t kFirstRun = int64_t{40} << 20, kFrameCopies = 7;
/// LibTorch keeps a workspace for cuBLAS on the device: 32 MiB on Hopper and later, 8 MiB before (ATen's
/// CublasHandlePool.cpp). The kind of GPU is not known here, so the larger is planned.
constexpr int64_t kProductWorkspace = int64_t{32} << 20;

/// Adds up components in the order in which a run builds and calls them. All stay until its end.
class Stages {
 public:
  explicit Stages(MemoryPlan& plan) : plan_(plan) {}

  /// `held`: results of earlier stages that are needed still; `times`: calls.
  void add(const models::Plan& stage, int64_t held, double times) {
    plan_.weights += stage.weights;
    plan_.activations = std::max(plan_.activations, stage.activations);
    plan_.flops += stage.flops * times;
    kept_ = std::max(kept_, stage.kept);
    host_ = std::max(host_, plan_.weights + held + kept_ + stage.returned);
    tensors_ = std::max(tensors_, plan_.weights + held + stage.activations);
  }
  int64_t host() const { return host_; }        // as the process holds them
  int64_t tensors() const { return tensors_; }  // alive

 private:
  MemoryPlan& plan_;
  int64_t kept_ = 0, host_ = 0, tensors_ = 0;
};

}  // namespace

MemoryPlan plan_memory(const models::FamilyRegistry& families, const models::ModelFolder& model,
                       at::Device device, std::optional<at::ScalarType> dtype, const VideoSize& size) {
  const auto options = [&](const models::ComponentFiles& files) {
    return models::LoadOptions{.device = device,
                               .dtype = dtype ? *dtype : models::default_dtype(files, device)};
  };
  const auto family = [&](const models::ComponentFiles& files) -> const models::FamilyEntry& {
    return families.of(files.config);
  };
  MemoryPlan plan;
  Stages stages(plan);
  const int64_t rows = size.guided ? 2 : 1;
  const models::ComponentFiles &text = model.text_encoder, &denoiser = model.denoiser, &vae = model.vae;
  const models::Plan encoding = models::plan_text_encoder(family(text), text, options(text), /*rows=*/1);
  stages.add(encoding, 0, static_cast<double>(rows));

  std::vector<int64_t> context = encoding.output_shape;
  context.front() = rows;
  if (size.text_per_frame)
    context.insert(context.begin() + 1,
                   model.latent.of({size.frames, size.height, size.width}, "plan").frames);
  const models::Extent video{size.frames, size.height, size.width}, cells = model.latent.of(video, "plan");
  std::vector<int64_t> latent = {rows, model.latent.channels, cells.frames, cells.height, cells.width};
  models::Conditioning told;
  if (model.condition) model.condition(video, told);
  const models::Plan step =
      models::plan_denoiser(family(denoiser), denoiser, options(denoiser), latent, context, told.facts);
  stages.add(step, rows * encoding.output, static_cast<double>(size.steps));

  latent.front() = 1;
  const models::Plan decoding = models::plan_vae(family(vae), vae, options(vae), latent);
  stages.add(decoding, rows * encoding.output + step.output / rows, 1);
  plan.output = decoding.output;

  // What a host holds at the end of a run is the frames, as decoded and as written.
  const int64_t frames = 2 * plan.output + plan.output / 4;
  int64_t on_host = frames;
  if (device.is_cpu()) {
    const bool halves = options(denoiser).dtype != at::kFloat;
    on_host = std::max(stages.host(), plan.weights + frames) + kFirstRun + kFrameCopies * plan.output +
              (halves ? plan.weights : 0);
  } else {
    plan.device = stages.tensors() + kProductWorkspace;
  }
  plan.host = process_memory().resident + on_host;
  return plan;
}

}  // namespace reel::pipeline
