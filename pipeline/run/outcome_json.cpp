#include "pipeline/run/outcome_json.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "models/hashing/hash.h"

namespace reel::pipeline {
namespace {

using Json = nlohmann::json;

Json pack_loras(const std::vector<LoraChoice>& loras) {
  Json list = Json::array();
  for (const auto& [path, weight] : loras) list.push_back({{"path", path}, {"weight", weight}});
  return list;
}

std::vector<LoraChoice> unpack_loras(const Json& list) {
  std::vector<LoraChoice> loras;
  for (const Json& item : list) loras.push_back({item.at("path"), item.at("weight")});
  return loras;
}

/// Folders are kept as where they are, and opened again: once for all values of an outcome that share one.
/// Of the stamp a digest is kept: it lists file names, which need not be UTF-8 as texts of JSON must.
class FolderReader {
 public:
  /// Throws: std::runtime_error if the folder cannot be opened any more or holds other files than it did.
  Folder read(const Json& item) {
    const std::string path = item.at("path"), motion_adapter = item.at("motion_adapter");
    Folder& folder = opened_[{path, motion_adapter}];
    if (!folder) {
      folder = std::make_shared<const models::ModelFolder>(models::ModelFolder::open(path, motion_adapter));
    }
    if (models::sha256(folder->stamp) != item.at("stamp").get<std::string>())
      throw std::runtime_error("the model folder '" + path + "' has changed");
    return folder;
  }

 private:
  std::map<std::pair<std::string, std::string>, Folder> opened_;
};

Json pack_folder(const models::ModelFolder& folder) {
  return {{"path", folder.path},
          {"motion_adapter", folder.motion_adapter},
          {"stamp", models::sha256(folder.stamp)}};
}

// Each pair below names every member by structured binding, so that a new member of a value stops the build
// here rather than getting lost on disk.

struct Packer {
  PackedOutcome& packed;
  const attention::EditRegistry* edits;
  bool complete = true;

  Json add(const at::Tensor& tensor) {
    if (!tensor.defined()) return nullptr;
    const std::string name = std::to_string(packed.tensors.size());
    packed.tensors[name] = tensor.cpu().contiguous();
    return {{"name", name}, {"on_cpu", tensor.is_cpu()}};
  }

  Json operator()(std::monostate) { return {{"type", "nothing"}}; }
  Json operator()(bool flag) { return {{"type", "bool"}, {"value", flag}}; }
  Json operator()(int64_t integer) { return {{"type", "int"}, {"value", integer}}; }
  Json operator()(double number) {
    return {{"type", "float"}, {"value", number_text(number)}};
  }  // JSON has no infinity
  Json operator()(const std::string& text) { return {{"type", "text"}, {"value", text}}; }
  Json operator()(const media::Frames& frames) {
    const auto& [pixels, fps] = frames;
    return {{"type", "frames"}, {"pixels", add(pixels)}, {"fps", fps}};
  }
  Json operator()(const Images& images) {
    const auto& [pixels] = images;
    return {{"type", "images"}, {"pixels", add(pixels)}};
  }
  Json operator()(const Latent& latent) {
    const auto& [samples, batch, frames, height, width] = latent;
    return {{"type", "latent"}, {"samples", add(samples)}, {"batch", batch},
            {"frames", frames}, {"height", height},        {"width", width}};
  }
  Json operator()(const PromptContext& prompt) {
    const auto& [context] = prompt;
    return {{"type", "prompt"}, {"context", add(context)}};
  }
  Json operator()(const ModelHandle& model) {
    const auto& [folder, loras, plan, guiders] = model;
    return {{"type", "model"},
            {"folder", pack_folder(*folder)},
            {"loras", pack_loras(loras)},
            {"edits", pack_edits(plan)},
            {"guiders", guiders}};
  }
  Json operator()(const CaptionerHandle& captioner) {
    const auto& [folder, plan] = captioner;
    return {{"type", "captioner"}, {"folder", pack_folder(*folder)}, {"edits", pack_edits(plan)}};
  }
  Json operator()(const ClipHandle& clip) {
    const auto& [folder, loras, clip_skip] = clip;
    return {{"type", "clip"},
            {"folder", pack_folder(*folder)},
            {"loras", pack_loras(loras)},
            {"clip_skip", clip_skip}};
  }
  Json operator()(const VaeHandle& vae) {
    const auto& [folder] = vae;
    return {{"type", "vae"}, {"folder", pack_folder(*folder)}};
  }

  Json pack_edits(const attention::EditPlan& plan) {
    Json rules = Json::array();
    for (const attention::EditRule& rule : plan) {
      rules.push_back(rule.text);
      complete = complete && restores(rule);
    }
    return rules;
  }
  bool restores(const attention::EditRule& rule) const {
    if (!edits) return false;
    try {
      const attention::EditRule again = edits->parse(rule.text);
      return again.text == rule.text && again.name == rule.name && again.where.text() == rule.where.text();
    } catch (const std::invalid_argument&) {
      return false;  // an option whose text holds a comma, for example
    }
  }
};

at::Tensor take(const PackedOutcome& packed, const Json& where, at::Device device) {
  if (where.is_null()) return {};
  const at::Tensor& tensor = packed.tensors.at(where.at("name").get<std::string>());
  return where.at("on_cpu").get<bool>() ? tensor : tensor.to(device);
}

double read_double(const std::string& text) {
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc()) throw std::runtime_error("'" + text + "' is not a number");
  return number;
}

attention::EditPlan unpack_edits(const Json& rules, const attention::EditRegistry* edits) {
  attention::EditPlan plan;
  for (const Json& rule : rules) {
    if (!edits) throw std::runtime_error("edits, but no registry of them");
    plan.push_back(edits->parse(rule.get<std::string>()));
  }
  return plan;
}

Value unpack_value(const PackedOutcome& packed, const Json& item, const attention::EditRegistry* edits,
                   at::Device device, FolderReader& folders) {
  const std::string type = item.at("type");
  const auto tensor = [&](const char* key) { return take(packed, item.at(key), device); };
  if (type == "nothing") return std::monostate{};
  if (type == "bool") return item.at("value").get<bool>();
  if (type == "int") return item.at("value").get<int64_t>();
  if (type == "float") return read_double(item.at("value"));
  if (type == "text") return item.at("value").get<std::string>();
  if (type == "frames") return media::Frames{tensor("pixels"), item.at("fps")};
  if (type == "images") return Images{tensor("pixels")};
  if (type == "latent") {
    return Latent{tensor("samples"), item.at("batch"), item.at("frames"), item.at("height"),
                  item.at("width")};
  }
  if (type == "prompt") return PromptContext{tensor("context")};
  if (type == "clip")
    return ClipHandle{folders.read(item.at("folder")), unpack_loras(item.at("loras")), item.at("clip_skip")};
  if (type == "vae") return VaeHandle{folders.read(item.at("folder"))};
  if (type == "captioner")
    return CaptionerHandle{folders.read(item.at("folder")), unpack_edits(item.at("edits"), edits)};
  if (type != "model") throw std::runtime_error("a value of type '" + type + "'");
  return ModelHandle{folders.read(item.at("folder")), unpack_loras(item.at("loras")),
                     unpack_edits(item.at("edits"), edits), item.at("guiders")};
}

}  // namespace

std::optional<PackedOutcome> pack(const Outcome& outcome, const attention::EditRegistry* edits) {
  PackedOutcome packed;
  Packer packer{packed, edits};
  Json values = Json::array(), reports = Json::array();
  for (const Value& value : outcome.values) values.push_back(std::visit(packer, value));
  if (!packer.complete) return std::nullopt;
  for (const auto& [edit, sites, calls, path, facts] : outcome.edits) {
    reports.push_back({{"edit", edit}, {"sites", sites}, {"calls", calls}, {"path", path}, {"facts", facts}});
  }
  Json shown = Json::array();
  for (const auto& [kind, file, animated, text] : outcome.shown)
    shown.push_back({{"kind", kind}, {"file", file}, {"animated", animated}, {"text", text}});
  const Json all = {{"values", values},
                    {"facts", outcome.facts},
                    {"edits", reports},
                    {"written", outcome.written},
                    {"shown", shown}};
  packed.json = all.dump(-1, ' ', false, Json::error_handler_t::replace);
  return packed;
}

Outcome unpack(const PackedOutcome& packed, const attention::EditRegistry* edits, at::Device device) {
  const Json all = Json::parse(packed.json);
  Outcome outcome;
  FolderReader folders;
  for (const Json& item : all.at("values"))
    outcome.values.push_back(unpack_value(packed, item, edits, device, folders));
  outcome.facts = all.at("facts").get<std::map<std::string, std::string>>();
  outcome.written = all.at("written").get<std::vector<std::pair<std::string, std::string>>>();
  for (const Json& one : all.value("shown", Json::array()))  // absent in files of earlier builds
    outcome.shown.push_back({one.at("kind"), one.at("file"), one.at("animated"), one.at("text")});
  for (const Json& report : all.at("edits")) {
    outcome.edits.push_back({report.at("edit"), report.at("sites"), report.at("calls"), report.at("path"),
                             report.at("facts").get<attention::EditFacts>()});
  }
  return outcome;
}

}  // namespace reel::pipeline
