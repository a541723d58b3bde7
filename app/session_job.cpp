#include "app/session_job.h"

#include "app/session/plugins.h"
#include "models/default_dtype.h"
#include "models/fingerprint.h"

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

}  // namespace reel::app
