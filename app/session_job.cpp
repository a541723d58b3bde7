#include "app/session_job.h"

#include "app/session/plugins.h"
#include "models/default_dtype.h"
#include "models/hashing/fingerprint.h"
#include "pipeline/run/model_cache.h"

namespace reel::app {

pipeline::GenerateJob session_job(pipeline::GenerateOptions options, const CommonOptions& common) {
  if (!options.seed) options.seed = common.seed;
  return pipeline::resolve_job(options, {common.model, common.motion_adapter, common.models_dirs},
                               {plugins().edits, plugins().schedulers});
}

at::ScalarType dtype_of(const pipeline::GenerateJob& job, const Placement& placement) {
  return placement.dtype ? *placement.dtype : models::default_dtype(job.model.denoiser, placement.device);
}

pipeline::JobPlace job_place(const pipeline::GenerateJob& job, const Placement& placement) {
  return {placement.device.str(), dtype_name(dtype_of(job, placement)), models::model_fingerprint(job.model)};
}

std::vector<attention::Site> job_sites(const pipeline::GenerateJob& job, const Placement& placement) {
  pipeline::ModelCache models(plugins().families, placement.device, placement.dtype);
  pipeline::ModelHandle handle;
  handle.folder = std::make_shared<const models::ModelFolder>(job.model);
  return models.sites(handle);
}

attention::EditPlan edit_plan(const pipeline::GenerateJob& job) {
  attention::EditPlan plan;
  for (const attention::ParsedEdit& edit : job.edits)
    plan.push_back(plugins().edits.rule(edit.entry->spec.name, edit.options, edit.selector));
  return plan;
}

attention::RunShape run_shape(const pipeline::GenerateJob& job) {
  const std::string& name = job.options.scheduler;
  const auto scheduler =
      guidance::make_scheduler(plugins().schedulers, job.model.scheduler, name == "model" ? "" : name,
                               static_cast<int>(*job.options.steps));
  return {.steps = scheduler->steps(), .unconditional = *job.options.guidance > 1};
}

std::vector<std::string> job_warnings(const pipeline::GenerateJob& job,
                                      const std::vector<attention::Site>& sites) {
  std::vector<std::string> all =
      pipeline::model_warnings(job.model, {*job.options.frames, job.height, job.width});
  for (std::string& warning : pipeline::edit_warnings(edit_plan(job), sites, run_shape(job)))
    all.push_back(std::move(warning));
  return all;
}

}  // namespace reel::app
