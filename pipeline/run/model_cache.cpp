#include "pipeline/run/model_cache.h"

#include <ATen/Context.h>

#include "models/default_dtype.h"
#include "models/lora/lora.h"
#include "pipeline/process_memory.h"
#include "pipeline/run/file_stamp.h"

namespace reel::pipeline {
namespace {

/// Changes with the folder's files: what was built from the old ones must not pass for what the new ones say.
std::string folder_key(const models::ModelFolder& folder) { return folder.path + "@" + folder.stamp; }

std::string adapter_key(const models::ModelFolder& folder) {
  return folder.motion_adapter.empty()
             ? ""
             : "|" + folder.motion_adapter + "@" + file_stamp(folder.motion_adapter);
}

std::string lora_key(const std::vector<LoraChoice>& loras) {
  std::string key;
  for (const LoraChoice& lora : loras)
    key += "|" + lora.path + "@" + file_stamp(lora.path) + ":" + to_text(lora.weight);
  return key;
}

/// Bytes of a component's weights once they are loaded.
size_t weight_bytes(const models::ComponentFiles& files, at::ScalarType dtype) {
  size_t bytes = 0;
  for (const models::Checkpoint& checkpoint : models::open_checkpoints(files)) {
    for (const std::string& name : checkpoint.names())
      bytes += size_t(c10::multiply_integers(checkpoint.info(name).shape)) * c10::elementSize(dtype);
  }
  return bytes;
}

}  // namespace

ModelCache::ModelCache(const models::FamilyRegistry& families, at::Device device,
                       std::optional<at::ScalarType> dtype, size_t bytes)
    : families_(families),
      device_(device),
      dtype_(dtype),
      shelf_(
          bytes > 0 ? bytes : size_t(machine_memory().total) / 2,
          device.is_cpu() ? [] { return size_t(machine_memory().available); } : std::function<size_t()>()) {
  if (!device.is_cuda()) return;
  // ATen rounds the factors of f32 convolutions to ten bits unless told: f32 means f32 here.
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
}

at::ScalarType ModelCache::dtype_of(const models::ComponentFiles& files) const {
  return dtype_ ? *dtype_ : models::default_dtype(files, device_);
}

template <class Component, class Make>
std::shared_ptr<Component> ModelCache::take(const std::string& key, const models::ComponentFiles& files,
                                            const std::vector<LoraChoice>& choices, const Make& make,
                                            const Warn& warn) {
  constexpr bool kText = std::is_same_v<Component, models::TextEncoder>;
  const auto load = [&] {
    models::LoadOptions options{.device = device_, .dtype = dtype_of(files)};
    models::LoraSet loras(kText ? models::LoraTarget::kTextEncoder : models::LoraTarget::kDenoiser);
    for (const LoraChoice& choice : choices) {
      if (choice.weight != 0) loras.add(choice.path, choice.weight);
    }
    if (!loras.empty()) options.patch = loras.patch();
    ModelShelf::Item item{std::shared_ptr<Component>(make(families_.of(files.config), options)), {}};
    item.warnings = loras.warnings();
    return item;
  };
  const ModelShelf::Item item = shelf_.take(
      key, kText, [&] { return weight_bytes(files, dtype_of(files)); }, load);
  for (const std::string& warning : item.warnings) {
    if (warn) warn(warning);
  }
  return std::static_pointer_cast<Component>(item.component);
}

std::shared_ptr<models::Denoiser> ModelCache::denoiser(const ModelHandle& model, const Warn& warn) {
  const models::ComponentFiles& files = model.folder->denoiser;
  return take<models::Denoiser>(
      "denoiser " + folder_key(*model.folder) + adapter_key(*model.folder) + lora_key(model.loras), files,
      model.loras,
      [&](const models::FamilyEntry& family, const models::LoadOptions& o) {
        return family.denoiser(files, o);
      },
      warn);
}

std::shared_ptr<models::TextEncoder> ModelCache::text_encoder(const ClipHandle& clip, const Warn& warn) {
  const models::ComponentFiles& files = clip.folder->text_encoder;
  return take<models::TextEncoder>(
      "text encoder " + folder_key(*clip.folder) + lora_key(clip.loras), files, clip.loras,
      [&](const models::FamilyEntry& family, const models::LoadOptions& o) {
        return family.text_encoder(files, o);
      },
      warn);
}

std::shared_ptr<models::Vae> ModelCache::vae(const VaeHandle& vae) {
  const models::ComponentFiles& files = vae.folder->vae;
  const auto make = [&](const models::FamilyEntry& family, const models::LoadOptions& o) {
    auto built = family.vae(files, o);
    if (built->latent_shape() != vae.folder->latent) {
      throw std::runtime_error("[" + files.folder + "] makes latents of another shape than a " +
                               vae.folder->pipeline_class + " has; give the model a VAE of its own class");
    }
    return built;
  };
  return take<models::Vae>("vae " + folder_key(*vae.folder), files, {}, make, {});
}

std::shared_ptr<models::Captioner> ModelCache::captioner(const CaptionerHandle& captioner) {
  const models::ComponentFiles& files = captioner.folder->captioner;
  return take<models::Captioner>("captioner " + folder_key(*captioner.folder), files, {},
                                 [&](const models::FamilyEntry& family, const models::LoadOptions& o) {
                                   return family.captioner(files, o);
                                 },
                                 {});
}

std::vector<attention::Site> ModelCache::sites(const CaptionerHandle& captioner) {
  const models::ComponentFiles& files = captioner.folder->captioner;
  return families_.of(files.config).captioner(files, {.shapes_only = true})->sites();
}

std::vector<attention::Site> ModelCache::sites(const ModelHandle& model) {
  const models::ComponentFiles& files = model.folder->denoiser;
  models::LoadOptions options;
  options.shapes_only = true;
  return families_.of(files.config).denoiser(files, options)->sites();
}

int ModelCache::text_layers(const ClipHandle& clip) const {
  models::ComponentFiles files = clip.folder->text_encoder;
  files.tokenizer.clear();  // layers need none
  models::LoadOptions options;
  options.shapes_only = true;
  return static_cast<int>(families_.of(files.config).text_encoder(files, options)->sites().size());
}

models::Plan ModelCache::plan_sampling(const ModelHandle& model, std::vector<int64_t> latent,
                                       const models::Extent& video, bool guided) const {
  const models::ComponentFiles &text = model.folder->text_encoder, &denoiser = model.folder->denoiser;
  const auto options = [&](const models::ComponentFiles& files) {
    return models::LoadOptions{.device = device_, .dtype = dtype_of(files)};
  };
  latent[0] *= guided ? 2 : 1;
  std::vector<int64_t> context =
      models::plan_text_encoder(families_.of(text.config), text, options(text), /*rows=*/1).output_shape;
  context.front() = latent[0];
  models::Conditioning told;
  if (model.folder->condition) model.folder->condition(video, told);
  return models::plan_denoiser(families_.of(denoiser.config), denoiser, options(denoiser), latent, context,
                               told.facts);
}

models::Plan ModelCache::plan_decoding(const VaeHandle& vae, const std::vector<int64_t>& latent,
                                       int64_t tile) const {
  const models::ComponentFiles& files = vae.folder->vae;
  return models::plan_vae(families_.of(files.config), files, {.device = device_, .dtype = dtype_of(files)},
                          latent, tile);
}

}  // namespace reel::pipeline
