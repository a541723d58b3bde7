#include "models/lora/lora_file.h"

#include <cmath>
#include <set>
#include <stdexcept>

#include "models/files/refuse.h"
#include "models/files/tensor_file.h"
#include "models/layouts/file_contents.h"
#include "models/lora/adapter_header.h"
#include "models/lora/factor_check.h"

namespace reel::models {
namespace {

class Reader {
 public:
  Reader(const std::string& path, double strength)
      : path_(path), strength_(strength), file_(TensorFile::open(path)) {}

  LoraFile read() {
    sort();
    const AdapterHeader header(*file_);
    LoraFile result;
    std::map<std::pair<LoraTarget, std::string>, std::string> seen;
    for (auto& [module, found] : modules_) {
      LoraLayer layer{
          found.key.target,
          flat_layer_name(found.key.path),
          {.file = path_, .module = module, .parts = std::move(found.parts), .strength = strength_}};
      const auto [other, added] = seen.emplace(std::pair(layer.target, layer.flat), module);
      if (!added)
        refuse("has the layer '" + module + "' again as '" + other->second + "'; save it in one form");
      check_factors(layer.change);
      layer.change.scale = scale(layer.change, found.key, header);
      result.layers.push_back(std::move(layer));
    }
    if (unscaled_) {
      result.warnings.push_back("[" + path_ +
                                "] has the names of peft, which keeps alpha in adapter_config.json beside "
                                "adapter_model.safetensors; there is "
                                "none, so that its factors count as they are (alpha = rank)");
    }
    return result;
  }

 private:
  struct Module {
    LoraKey key;
    std::map<LoraPart, at::Tensor> parts;
  };

  [[noreturn]] void refuse(const std::string& what) const {
    throw std::runtime_error("[" + path_ + "] " + what);
  }

  /// Sorts the file's tensors by layers; refuses what is not understood.
  void sort() {
    std::vector<std::string> all, unknown, second;
    std::set<std::string> adapters;
    for (const auto& [name, info] : file_->tensors()) {
      all.push_back(name);
      const std::optional<LoraKey> key = parse_lora_key(name);
      if (!key) {
        unknown.push_back(name);
        continue;
      }
      if (key->target == LoraTarget::kSecondTextEncoder) second.push_back(name);
      if (key->part != LoraPart::kAlpha) adapters.insert(key->adapter);
      Module& module = modules_.try_emplace(key->module, Module{*key, {}}).first->second;
      if (!module.parts.emplace(key->part, TensorFile::view(file_, name)).second)
        refuse("has '" + key->module + "' " + name_of(key->part) +
               " twice, under two names; save it in one form");
    }
    if (unknown.size() == all.size()) {
      const FileContents contents = contents_of(all);
      refuse(
          "holds no LoRA factors (lora_A/lora_B, lora.down/lora.up, lora_down/lora_up, hada, lokr): it is " +
          std::string(all.empty() ? "empty" : name_of(contents)) + "; " +
          (contents == FileContents::kUnknown || contents == FileContents::kLora ? "name a LoRA file"
                                                                                 : use_of(contents)));
    }
    if (!unknown.empty()) {
      refuse(
          "holds tensors that are not understood beside its LoRA factors: " + few_of(unknown) +
          "; the result would lack what they change: save the LoRA without them, or merged into the model");
    }
    if (!second.empty()) {
      refuse("changes a second text encoder (" + few_of(second) +
             "), as LoRAs for SDXL do; no model here has one: use a LoRA that was trained for this model");
    }
    adapters.erase("");
    if (adapters.size() > 1) {
      refuse("holds several adapters (" + few_of({adapters.begin(), adapters.end()}) +
             "); save each in a file of its own, and give each its --lora");
    }
  }

  /// alpha / rank, or what the header says in its place.
  double scale(const LayerChange& change, const LoraKey& key, const AdapterHeader& header) {
    const std::optional<int64_t> rank = change.rank();
    if (!rank) return 1;
    check_flag(header.dora(key.target), change.has_dora(), "use_dora", "magnitudes (lora_magnitude_vector)",
               change);
    check_flag(header.bias(key.target), change.has(LoraPart::kUpBias), "lora_bias", "a bias (lora_B.bias)",
               change);
    const std::optional<double> said = header.scale(key.target, key.path, *rank);
    if (!change.has(LoraPart::kAlpha)) {
      unscaled_ |= !said && change.module.starts_with("base_model.model.");
      return said.value_or(1);
    }
    const at::Tensor& alpha = change.at(LoraPart::kAlpha);
    if (alpha.numel() != 1)
      change.refuse("has an alpha of shape " + c10::str(alpha.sizes()) +
                    ", which must be one number; fetch it again");
    const double own = alpha.reshape({}).to(at::kDouble).item<double>() / double(*rank);
    if (!std::isfinite(own)) change.refuse("has an alpha that is no finite number; fetch the file again");
    if (said && std::abs(*said - own) > 1e-3 * std::abs(own)) {
      change.refuse("has factors that count " + std::to_string(own) + " times by its alpha, but " +
                    std::to_string(*said) + " times by the header; remove one of the two");
    }
    return own;
  }

  void check_flag(std::optional<bool> said, bool found, const char* entry, const char* what,
                  const LayerChange& change) const {
    if (!said || *said == found) return;
    change.refuse(std::string(*said ? "lacks " : "has ") + what + ", but the header says " + entry + " = " +
                  (*said ? "true" : "false") +
                  "; header and factors are of different files: fetch them again");
  }

  std::string path_;
  double strength_;
  std::shared_ptr<const TensorFile> file_;
  std::map<std::string, Module> modules_;
  bool unscaled_ = false;
};

}  // namespace

LoraFile read_lora_file(const std::string& path, double strength) { return Reader(path, strength).read(); }

}  // namespace reel::models
