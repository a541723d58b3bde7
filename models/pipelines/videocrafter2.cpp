// VideoCrafter2: a folder with its single checkpoint and a tokenizer, but no configurations. What those would
// say follows from the shapes of the tensors and from how VideoCrafter2 was published. A config.json in the
// folder may state num_head_channels and norm_num_groups, and generation_config.json `fps_condition`, the
// frame rate that the network is told.
#include <filesystem>

#include "models/files/input/input_file.h"
#include "models/layouts/lvdm_layout.h"
#include "models/pipeline_registry.h"
#include "models/pipelines/support/diffusers_folder.h"

namespace reel::models {
namespace fs = std::filesystem;
namespace {

// Source: VideoCrafter's configs/inference_t2v_512_v2.0.yaml and its sampler. use_scale, scale_b and mid_step
// are its names: networks of this kind were trained on latents that shrink as noise is added.
constexpr const char* kScheduler = R"({
  "_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "beta_schedule": "scaled_linear",
  "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1, "timestep_spacing": "leading",
  "clip_sample": false, "set_alpha_to_one": false, "eta": 1.0,
  "use_scale": true, "scale_b": 0.7, "mid_step": 400})";

bool has_checkpoint(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "model.ckpt"}) {
    if (has_input((folder / name).string())) return true;
  }
  return false;
}

/// What AutoencoderKL's config.json would say.
Config autoencoder_config(const Checkpoint& all, const std::string& prefix, const Config& stated) {
  const std::string down = prefix + "encoder.down.";
  const int64_t levels = count_in_a_row(all, down, ".block.0.conv1.weight");
  std::string channels;
  for (int64_t i = 0; i < levels; ++i) {
    channels += (i ? ", " : "") +
                std::to_string(dimension(all, down + std::to_string(i) + ".block.0.conv1.weight", 0));
  }
  const auto has = [&](const char* name) { return all.has(prefix + name) ? "true" : "false"; };
  return Config::parse(
      c10::str("{\"_class_name\": \"AutoencoderKL\", \"block_out_channels\": [", channels,
               "], \"layers_per_block\": ", count_in_a_row(all, down + "0.block.", ".conv1.weight"),
               ", \"latent_channels\": ", dimension(all, prefix + "decoder.conv_in.weight", 1),
               ", \"norm_num_groups\": ", stated.bounded("norm_num_groups", 32, 1, 1 << 16),
               ", \"mid_block_add_attention\": ", has("encoder.mid.attn_1.norm.weight"),
               ", \"use_quant_conv\": ", has("quant_conv.weight"), ", \"use_post_quant_conv\": ",
               has("post_quant_conv.weight"), ", \"scaling_factor\": 0.18215}"),
      all.path);
}

bool recognises(const std::string& folder) {
  return has_checkpoint(folder) && find_lvdm_parts(Checkpoint::open(folder)).has_value();
}

void open(ModelFolder& model, const Config& generation) {
  const Checkpoint all = Checkpoint::open(model.path);
  const auto parts = find_lvdm_parts(all);
  if (!parts) {
    throw std::runtime_error("[" + all.path + "] holds no UNet of VideoCrafter2's kind; a " +
                             model.pipeline_class + " needs it");
  }
  refuse_motion_adapter(model);
  const fs::path file = fs::path(model.path) / "config.json";
  const Config stated =
      has_input(file.string()) ? Config::read(file.string()) : Config::parse("{}", model.path);
  const auto named = [](const Config& config, const std::string& name) {
    return config.with("_class_name", "\"" + name + "\"");
  };
  for (ComponentFiles* files : {&model.denoiser, &model.vae, &model.text_encoder}) files->folder = model.path;
  model.denoiser.prefix = parts->unet, model.denoiser.config = named(stated, "LvdmUNet");
  model.vae.prefix = parts->vae, model.vae.config = autoencoder_config(all, parts->vae, stated);
  model.text_encoder.prefix = parts->text;
  model.text_encoder.config = named(stated, "FrozenOpenCLIPEmbedder");
  model.scheduler = Config::parse(kScheduler, model.path);
  model.latent = LatentShape::of_image_vae(model.vae.config);
  model.defaults = {.width = 512,
                    .height = 320,
                    .num_frames = 16,
                    .num_inference_steps = 50,
                    .guidance_scale = 12,
                    .fps = 8};
  model.condition = [rate = frame_rate(generation, "fps_condition", 28)](
                        const Extent&, Conditioning& condition) { condition.facts["fps"] = rate; };
  read_tokenizer(model);
}

}  // namespace

void register_videocrafter2(PipelineRegistry& registry) {
  PipelineEntry entry;
  entry.spec = {"videocrafter2", "VideoCrafter2 in its single checkpoint",
                "Chen et al., VideoCrafter2, 2024; configs/inference_t2v_512_v2.0.yaml"};
  entry.class_names = {"VideoCrafter2"};
  entry.recognises = recognises;
  entry.open = open;
  registry.add(std::move(entry));
}

}  // namespace reel::models
