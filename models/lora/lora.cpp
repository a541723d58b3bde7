#include "models/lora/lora.h"

#include <algorithm>
#include <stdexcept>

#include "models/lora/layer_names.h"

namespace reel::models {
namespace {

const char* name_of(LoraTarget target) {
  return target == LoraTarget::kDenoiser ? "denoiser" : "text encoder";
}

/// One error for the layers of a file that the model does not have.
[[noreturn]] void refuse_strangers(const std::vector<const LayerChange*>& strangers, size_t of,
                                   LoraTarget target, const std::string& component) {
  std::string text = "[" + strangers.front()->file + "] changes " + std::to_string(of) +
                     (of == 1 ? " layer of a " : " layers of a ") + name_of(target) + ", of which " +
                     (strangers.size() == of ? "none is"
                                             : std::to_string(strangers.size()) +
                                                   (strangers.size() == 1 ? " is not" : " are not")) +
                     " in " + component + ", e.g.";
  for (size_t i = 0; i < strangers.size() && i < 3; ++i)
    text += (i ? ", '" : " '") + strangers[i]->module + "'";
  const bool motion = std::all_of(strangers.begin(), strangers.end(), [](const LayerChange* change) {
    return change->module.find("motion_modules") != std::string::npos;
  });
  throw std::runtime_error(
      text +
      (motion ? "; it is a motion LoRA: use a model with motion modules, or give them with --motion-adapter"
              : "; it was trained for another model: use one that was trained for this"));
}

}  // namespace

void LoraSet::add(const std::string& path, double strength) {
  LoraFile file = read_lora_file(path, strength);
  bool mine = false;
  for (LoraLayer& layer : file.layers) {
    if (layer.target != target_) continue;
    mine = true;
    layer.file = files_;
    layers_.push_back(std::move(layer));
  }
  ++files_;
  if (mine) warnings_.insert(warnings_.end(), file.warnings.begin(), file.warnings.end());
}

void LoraSet::begin(const Checkpoint& component) {
  const LayerNames names(component.names());
  uses_.clear();
  std::map<size_t, std::pair<std::vector<const LayerChange*>, size_t>>
      strangers;                                                       // by file; and how many layers it has
  std::map<std::pair<size_t, std::string>, const LayerChange*> taken;  // by file and layer of the model
  for (const LoraLayer& layer : layers_) {
    const LayerChange& change = layer.change;
    auto& [unknown, count] = strangers[layer.file];
    ++count;
    const std::optional<std::string> name = names.find(layer.flat);
    if (!name) {
      unknown.push_back(&change);
      continue;
    }
    const auto [other, added] = taken.emplace(std::pair(layer.file, *name), &change);
    if (!added)
      change.refuse("means the layer " + *name + ", as '" + other->second->module +
                    "' does; save it in one form");
    const auto use = [&](const std::string& end, bool bias) {
      const std::string tensor = !bias && component.has(*name) ? *name : *name + end;
      if (!component.has(tensor)) {
        change.refuse("changes the " + end.substr(1) + " of " + *name + ", which has none in " +
                      component.path + "; it cannot be merged: use a LoRA without it");
      }
      const std::vector<int64_t>& shape = component.info(tensor).shape;
      const std::vector<int64_t> of_change =
          bias ? change.at(change.has(LoraPart::kDiffBias) ? LoraPart::kDiffBias : LoraPart::kUpBias)
                     .sizes()
                     .vec()
               : change.shape();
      if (bias ? c10::multiply_integers(of_change) != c10::multiply_integers(shape) : !change.fits(shape)) {
        change.refuse("makes a change of shape " + c10::str(at::IntArrayRef(of_change)) + ", but " + tensor +
                      " is " + c10::str(at::IntArrayRef(shape)) + "; it was trained for another model");
      }
      uses_[tensor].push_back({&change, bias});
    };
    if (change.changes_weight()) use(".weight", false);
    if (change.changes_bias()) use(".bias", true);
  }
  for (const auto& [file, found] : strangers) {
    if (!found.first.empty()) refuse_strangers(found.first, found.second, target_, component.path);
  }
  begun_ = true;
}

void LoraSet::apply(const std::string& tensor, at::Tensor& value) const {
  const std::vector<Use>& uses = uses_.at(tensor);
  // A DoRA among several changes is one of the weight as it was.
  const bool keep = uses.size() > 1 && std::any_of(uses.begin(), uses.end(), [](const Use& use) {
                      return !use.bias && use.change->has_dora();
                    });
  const at::Tensor original = keep ? value.clone() : value;
  for (const auto& [change, bias] : uses) {
    if (bias)
      change->add_to_bias(value);
    else
      change->add_to_weight(value, original);
  }
}

std::shared_ptr<LoadOptions::Patch> LoraSet::patch() {
  auto patch = std::make_shared<LoadOptions::Patch>();
  patch->begin = [this](const Checkpoint& component) { begin(component); };
  patch->wants = [this](const std::string& name) {
    if (!begun_) throw std::logic_error("a patch of LoRAs must be told the component first");
    return uses_.count(name) > 0;
  };
  patch->apply = [this](const std::string& name, at::Tensor& value) { apply(name, value); };
  return patch;
}

}  // namespace reel::models
