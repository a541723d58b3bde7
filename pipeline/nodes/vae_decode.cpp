// VAEDecode and VAEDecodeTiled: latent to pictures.
#include <c10/core/InferenceMode.h>

#include "models/layers/vae_tiling.h"
#include "pipeline/foresight/foresight.h"
#include "pipeline/run/model_cache.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

std::vector<Value> decode(const Inputs& inputs, RunContext& context, int64_t tile, int64_t overlap) {
  const c10::InferenceMode inference;
  const Latent& latent = inputs.get<Latent>("samples");
  if (latent.empty())
    throw std::invalid_argument("[" + context.report->spec +
                                "] the latent is empty; sample it first (KSampler)");
  const auto vae = context.models->vae(inputs.get<VaeHandle>("vae"));
  const int64_t height = latent.samples.size(3), width = latent.samples.size(4);
  const models::VaeTiling tiling{
      .tile = tile, .overlap = overlap, .frames = models::frames_at_once(*vae, height, width, tile)};
  const at::Tensor frames =
      vae->decode(latent.samples, tiling, [&](int64_t done, int64_t all) { context.step(done, all); });
  // [B, 3, F, H, W] in [-1, 1] -> [B F, H, W, 3] in [0, 1], in place: channels come last from the decoder.
  frames.div_(2).add_(0.5).clamp_(0, 1);
  return {Images{frames.permute({0, 2, 3, 4, 1}).flatten(0, 1).contiguous().to(at::kCPU)}};
}

std::vector<Value> foresee(const Inputs& inputs, Foresight& foresight, int64_t tile) {
  if (!inputs.has("samples")) return {};
  const Latent& latent = inputs.get<Latent>("samples");
  if (foresight.plans_networks() && inputs.has("vae") && latent.samples.defined()) {
    const VaeHandle& vae = inputs.get<VaeHandle>("vae");
    foresight.network("vae of " + vae.folder->path,
                      foresight.context().models->plan_decoding(vae, latent.samples.sizes().vec(), tile));
  }
  return {Images{at::empty({latent.batch * latent.frames, latent.height, latent.width, 3},
                           at::TensorOptions(at::kFloat).device(at::kMeta))}};
}

NodeSpec declaration(const std::string& name, const std::string& summary) {
  NodeSpec node;
  node.spec = {name, summary, "ComfyUI's " + name};
  node.category = "latent";
  node.inputs = {{.name = "samples", .type = "LATENT"}, {.name = "vae", .type = "VAE"}};
  node.outputs = {{.name = "IMAGE", .type = "IMAGE"}};
  return node;
}

}  // namespace

void register_vae_decode(NodeRegistry& registry) {
  NodeSpec plain = declaration("VAEDecode", "Decodes a latent to pictures.");
  plain.run = [](const Inputs& inputs, RunContext& context) { return decode(inputs, context, 0, 0); };
  plain.foresee = [](const Inputs& inputs, Foresight& foresight) { return foresee(inputs, foresight, 0); };
  registry.add(std::move(plain));

  NodeSpec tiled =
      declaration("VAEDecodeTiled", "Decodes a latent in overlapping tiles: less memory, faint differences.");
  tiled.inputs.push_back({.name = "tile_size",
                          .type = "INT",
                          .help = "pixels",
                          .default_value = int64_t{512},
                          .range = Range{64, 4096}});
  tiled.inputs.push_back({.name = "overlap",
                          .type = "INT",
                          .help = "pixels",
                          .default_value = int64_t{64},
                          .range = Range{0, 4096}});
  tiled.run = [](const Inputs& inputs, RunContext& context) {
    return decode(inputs, context, inputs.integer("tile_size"), inputs.integer("overlap"));
  };
  tiled.foresee = [](const Inputs& inputs, Foresight& foresight) {
    return foresee(inputs, foresight, inputs.has("tile_size") ? inputs.integer("tile_size") : 512);
  };
  registry.add(std::move(tiled));
}

}  // namespace reel::pipeline
