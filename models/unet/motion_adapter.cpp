#include "models/unet/motion_adapter.h"

#include <algorithm>
#include <regex>

#include "models/layouts/file_contents.h"

namespace reel::models {
namespace fs = std::filesystem;
namespace {

/// The configuration that the tensors of an original file imply; the files themselves carry none.
Config config_of(const Checkpoint& adapter, const std::string& path) {
  int64_t max_frames = 32, levels = 0, layers = 0;
  bool middle = false;
  for (const std::string& name : adapter.names()) {
    if (name.ends_with("pos_embed.pe")) {
      const auto& shape = adapter.info(name).shape;
      if (shape.size() == 3) max_frames = shape[1];
    }
    std::smatch part;
    static const std::regex kDown(R"(^down_blocks\.(\d{1,2})\.motion_modules\.(\d{1,2})\..*)");
    if (std::regex_match(name, part, kDown)) {
      levels = std::max(levels, int64_t{std::stoi(part[1])} + 1);
      layers = std::max(layers, int64_t{std::stoi(part[2])} + 1);
    }
    middle |= name.starts_with("mid_block.");
  }
  if (levels == 0) {
    throw std::runtime_error("[" + path +
                             "] holds no motion modules (down_blocks.N.motion_modules...); name a motion "
                             "adapter's folder or an original motion module (.ckpt or .safetensors)");
  }
  return Config::parse("{\"motion_max_seq_length\": " + std::to_string(max_frames) +
                           ", \"motion_layers_per_block\": " + std::to_string(layers) +
                           ", \"use_motion_mid_block\": " + (middle ? "true" : "false") +
                           ", \"motion_num_attention_heads\": 8}",
                       path);
}

/// Says what was given if it is no motion adapter: those who publish one often publish the others beside it.
void refuse_other_files(const Checkpoint& adapter, const std::string& path) {
  const FileContents contents = contents_of(adapter.names());
  if (contents == FileContents::kMotionModule) return;
  if (contents == FileContents::kUnknown) return;  // config_of() says what is missing
  const auto names = adapter.names();
  const bool has_motion = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.find("motion_modules.") != std::string::npos;
  });
  const bool training = contents == FileContents::kWholeModel && has_motion;
  throw std::runtime_error("[" + path + "] is " + name_of(contents) + ", not a motion adapter; " +
                           (training ? "give the motion modules alone: fetch the published motion module, or "
                                       "save the tensors whose names "
                                       "have 'motion_modules' in a file of their own"
                                     : use_of(contents)));
}

}  // namespace

std::string merged_name_of_original(const std::string& original) {
  std::string name = original.starts_with("module.") ? original.substr(7) : original;
  const size_t inner = name.find(".temporal_transformer.");
  if (inner == std::string::npos) return original;
  name.replace(inner, 22, ".");
  static const std::pair<std::regex, const char*> kRules[] = {
      {std::regex(R"(\.attention_blocks\.0\.pos_encoder\.pe$)"), ".pos_embed.pe"},
      {std::regex(R"(\.attention_blocks\.0\.)"), ".attn1."},
      {std::regex(R"(\.attention_blocks\.1\.)"), ".attn2."},
      {std::regex(R"(\.norms\.0\.)"), ".norm1."},
      {std::regex(R"(\.norms\.1\.)"), ".norm2."},
      {std::regex(R"(\.ff_norm\.)"), ".norm3."}};
  if (name.ends_with("attention_blocks.1.pos_encoder.pe")) return "";  // the same table again
  for (const auto& [pattern, replacement] : kRules) name = std::regex_replace(name, pattern, replacement);
  return name;
}

void check_motion_adapter(const std::string& adapter) {
  if (fs::exists(adapter)) refuse_other_files(Checkpoint::open(adapter), adapter);
}

MotionAdapterFacts join_motion_adapter(Checkpoint& unet, const std::string& path) {
  MotionAdapterFacts facts;
  if (path.empty()) return facts;
  Checkpoint adapter = Checkpoint::open(path);
  refuse_other_files(adapter, path);
  adapter.rename(merged_name_of_original);
  const fs::path config = fs::path(path) / "config.json";
  facts.present = true;
  facts.config =
      fs::is_directory(path) && fs::exists(config) ? Config::read(config.string()) : config_of(adapter, path);
  facts.conv_in_channels = facts.config.bounded("conv_in_channels", 0, 0, 4096);
  adapter.rename(
      [](const std::string& name) { return name.starts_with("conv_in.") ? "adapter_" + name : name; });
  unet.merge(adapter);
  return facts;
}

}  // namespace reel::models
