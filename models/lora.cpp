#include "models/lora.h"

#include "models/files/config.h"
#include "models/unet/motion_adapter.h"

namespace reel::models {
namespace {

enum class Part { kDown, kUp, kAlpha };

/// How LoRA keys end, and which tensor that means. No ending contains one that is listed before
/// it, so that the longer one is found.
constexpr std::pair<const char*, Part> kEndings[] = {{".lora_linear_layer.down.weight", Part::kDown},
                                                     {".lora_linear_layer.up.weight", Part::kUp},
                                                     {".lora_A.default.weight", Part::kDown},
                                                     {".lora_B.default.weight", Part::kUp},
                                                     {".lora_A.weight", Part::kDown},
                                                     {".lora_B.weight", Part::kUp},
                                                     {".lora.down.weight", Part::kDown},
                                                     {".lora.up.weight", Part::kUp},
                                                     {".lora_down.weight", Part::kDown},
                                                     {".lora_up.weight", Part::kUp},
                                                     {"_lora.down.weight", Part::kDown},
                                                     {"_lora.up.weight", Part::kUp},
                                                     {".alpha", Part::kAlpha}};

constexpr const char* kDenoiserPrefixes[] = {"base_model.model.unet.", "unet.", "lora_unet_",
                                             "diffusion_model."};
constexpr const char* kTextPrefixes[] = {"base_model.model.text_encoder.", "text_encoder.", "lora_te_",
                                         "lora_te1_"};

void strip(std::string& text, std::string_view prefix) {
  if (text.starts_with(prefix)) text.erase(0, prefix.size());
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// One name for a module in every layout: no prefix, underscores for dots, `to_out_0` for the output
/// projection.
std::string normalised(std::string module) {
  replace_all(module, ".processor.", ".");
  module = merged_name_of_original(module + ".");
  module.pop_back();
  for (const char* prefix : kDenoiserPrefixes) strip(module, prefix);
  for (const char* prefix : kTextPrefixes) strip(module, prefix);
  replace_all(module, ".", "_");
  strip(module, "text_model_");
  for (const char* name :
       {"q", "k", "v"}) {  // an old layout names the text encoder's projections as the UNet's
    const std::string old_name = std::string("_self_attn_to_") + name;
    if (module.ends_with(old_name))
      module.replace(module.size() - old_name.size(), old_name.size(),
                     std::string("_self_attn_") + name + "_proj");
  }
  if (module.ends_with("_self_attn_to_out")) module.replace(module.size() - 7, 7, "_out_proj");
  if (module.ends_with("_to_out")) module += "_0";
  return module;
}

/// peft keeps ranks and alphas in the header, as JSON: one alpha for all modules, and exceptions by pattern
/// (a regular expression or the end of a module's name).
class HeaderAlphas {
 public:
  HeaderAlphas(const std::map<std::string, std::string>& metadata, const std::string& path) {
    const auto found = metadata.find("lora_adapter_metadata");
    if (found != metadata.end()) config_ = Config::parse(found->second, path + ": lora_adapter_metadata");
  }
  /// alpha / rank of a module with `rank`; 1 if the header says nothing.
  double scale(const std::string& module, bool text, double rank) const {
    const std::string prefix = text ? "text_encoder." : "unet.";
    if (!config_.has(prefix + "lora_alpha")) return 1.0;
    double alpha = config_.number(prefix + "lora_alpha", rank);
    const Config exceptions = config_.object(prefix + "alpha_pattern");
    for (const std::string& pattern : exceptions.keys()) {
      if (module.ends_with(pattern)) alpha = exceptions.number(pattern, alpha);
    }
    return alpha / rank;
  }

 private:
  Config config_;
};

bool is_text(const std::string& module) {
  return std::any_of(std::begin(kTextPrefixes), std::end(kTextPrefixes),
                     [&](const char* p) { return module.starts_with(p); }) ||
         module.starts_with("text_model.") || module.starts_with("lora_te2_") ||
         module.starts_with("text_encoder_2.");
}

}  // namespace

void LoraSet::add(const std::string& path, double strength) {
  const auto file = TensorFile::open(path);
  const HeaderAlphas header(file->metadata(), path);
  struct Found {
    at::Tensor down, up, alpha;
  };
  std::map<std::string, Found> found;
  for (const auto& [name, info] : file->tensors()) {
    for (const auto& [ending, part] : kEndings) {
      if (!name.ends_with(ending)) continue;
      Found& entry = found[name.substr(0, name.size() - std::strlen(ending))];
      (part == Part::kDown ? entry.down
       : part == Part::kUp ? entry.up
                           : entry.alpha) = TensorFile::view(file, name);
      break;
    }
  }
  if (found.empty()) {
    throw std::runtime_error(
        "[" + path +
        "] holds no LoRA factors (lora_A/lora_B, lora.down/lora.up, lora_down/lora_up); is it a LoRA file?");
  }
  for (const auto& [module, entry] : found) {
    if (!entry.down.defined() || !entry.up.defined()) {
      throw std::runtime_error("[" + path + "] '" + module + "' lacks its " +
                               (entry.down.defined() ? "up" : "down") + " factor; fetch the file again");
    }
    if (entry.down.dim() < 2 || entry.up.dim() < 2 || entry.down.size(0) != entry.up.size(1)) {
      throw std::runtime_error("[" + path + "] '" + module + "' has factors that do not match: down " +
                               c10::str(entry.down.sizes()) + ", up " + c10::str(entry.up.sizes()));
    }
    const bool text = is_text(module);
    if (text != (target_ == LoraTarget::kTextEncoder)) continue;
    const double rank = double(entry.down.size(0));
    const double scale = entry.alpha.defined() ? entry.alpha.to(at::kDouble).item<double>() / rank
                                               : header.scale(module, text, rank);
    pieces_.emplace(normalised(module), Piece{entry.down, entry.up, strength * scale, module});
  }
}

std::vector<const LoraSet::Piece*> LoraSet::of(const std::string& weight) const {
  std::vector<const Piece*> pieces;
  if (!weight.ends_with(".weight")) return pieces;
  const auto range = pieces_.equal_range(normalised(weight.substr(0, weight.size() - 7)));
  for (auto it = range.first; it != range.second; ++it) pieces.push_back(&it->second);
  return pieces;
}

std::shared_ptr<LoadOptions::Patch> LoraSet::patch() {
  auto patch = std::make_shared<LoadOptions::Patch>();
  patch->wants = [this](const std::string& name) { return !of(name).empty(); };
  patch->apply = [this](const std::string& name, at::Tensor& weight) {
    for (const Piece* piece : of(name)) {
      const at::Tensor up = piece->up.to(at::kFloat).flatten(1), down = piece->down.to(at::kFloat).flatten(1);
      if (up.size(0) * down.size(1) != weight.numel() || up.size(0) != weight.size(0)) {
        throw std::runtime_error("[lora] '" + piece->module + "' makes a change of shape [" +
                                 std::to_string(up.size(0)) + ", " + std::to_string(down.size(1)) +
                                 "], but " + name + " is " + c10::str(weight.sizes()) +
                                 "; it was trained for another model");
      }
      weight.add_(at::matmul(up, down).view(weight.sizes()), piece->scale);
      used_.insert(piece->module);
    }
  };
  return patch;
}

std::vector<std::string> LoraSet::unused() const {
  std::vector<std::string> names;
  for (const auto& [key, piece] : pieces_) {
    if (!used_.count(piece.module)) names.push_back(piece.module);
  }
  return names;
}

}  // namespace reel::models
