#include "pipeline/run/model_cache.h"

#include <chrono>

#include "models/default_dtype.h"
#include "models/lora.h"
#include "models/model_folder.h"

namespace reel::pipeline {
namespace {

std::string lora_key(const std::vector<LoraChoice>& loras) {
  std::string key;
  for (const LoraChoice& lora : loras) key += "|" + lora.path + ":" + to_text(lora.weight);
  return key;
}

/// Loads with the LoRAs merged in, and notes those of their modules that fit nothing.
template <class Load>
auto with_loras(const std::vector<LoraChoice>& choices, models::LoraTarget target,
                models::LoadOptions options, std::vector<std::string>& warnings, const Load& load) {
  models::LoraSet loras(target);
  for (const LoraChoice& choice : choices) {
    if (choice.weight != 0) loras.add(choice.path, choice.weight);
  }
  if (!loras.empty()) options.patch = loras.patch();
  auto component = load(options);
  const auto unused = loras.unused();
  if (!unused.empty()) {
    warnings.push_back("[lora] " + std::to_string(unused.size()) +
                       " modules fit no layer of the model and were left out, e.g. " + unused.front());
  }
  return component;
}

}  // namespace

ModelCache::ModelCache(const models::FamilyRegistry& families, at::Device device,
                       std::optional<at::ScalarType> dtype, size_t components)
    : families_(families), device_(device), dtype_(dtype), components_(components) {
  if (!device.is_cuda()) return;
  // ATen rounds the factors of f32 convolutions to ten bits unless told: f32 means f32 here.
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
}

models::LoadOptions ModelCache::options_for(const models::ComponentFiles& files) const {
  return {.device = device_, .dtype = dtype_ ? *dtype_ : models::default_dtype(files, device_)};
}

template <class Component, class Load>
std::shared_ptr<Component> ModelCache::take(Shelf<Component>& shelf, const std::string& key,
                                            const Load& load) {
  for (auto it = shelf.items.begin(); it != shelf.items.end(); ++it) {
    if (it->first != key) continue;
    shelf.items.splice(shelf.items.begin(), shelf.items, it);
    return it->second;
  }
  // Room is made before loading: two large models need not be in memory at once.
  while (shelf.items.size() >= components_) shelf.items.pop_back();
  const auto start = std::chrono::steady_clock::now();
  std::shared_ptr<Component> component = load();
  load_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  shelf.items.emplace_front(key, component);
  return component;
}

std::shared_ptr<models::Denoiser> ModelCache::denoiser(const ModelHandle& model) {
  return take(denoisers_, model.folder + "|" + model.motion_adapter + lora_key(model.loras), [&] {
    const models::ComponentFiles files =
        models::ModelFolder::open(model.folder, model.motion_adapter).denoiser;
    const models::LoadOptions options = options_for(files);
    return with_loras(
        model.loras, models::LoraTarget::kDenoiser, options, warnings_,
        [&](const models::LoadOptions& o) { return families_.of(files.config).denoiser(files, o); });
  });
}

std::shared_ptr<models::TextEncoder> ModelCache::text_encoder(const ClipHandle& clip) {
  return take(text_encoders_, clip.folder + lora_key(clip.loras), [&] {
    const models::ComponentFiles files = models::ModelFolder::open(clip.folder).text_encoder;
    const models::LoadOptions options = options_for(files);
    return with_loras(
        clip.loras, models::LoraTarget::kTextEncoder, options, warnings_,
        [&](const models::LoadOptions& o) { return families_.of(files.config).text_encoder(files, o); });
  });
}

std::shared_ptr<models::Vae> ModelCache::vae(const VaeHandle& vae) {
  return take(vaes_, vae.folder, [&] {
    const models::ComponentFiles files = models::ModelFolder::open(vae.folder).vae;
    return families_.of(files.config).vae(files, options_for(files));
  });
}

std::vector<attention::Site> ModelCache::sites(const ModelHandle& model) {
  const models::ComponentFiles files = models::ModelFolder::open(model.folder, model.motion_adapter).denoiser;
  models::LoadOptions options;
  options.shapes_only = true;
  return families_.of(files.config).denoiser(files, options)->sites();
}

std::vector<std::string> ModelCache::take_warnings() { return std::exchange(warnings_, {}); }

}  // namespace reel::pipeline
