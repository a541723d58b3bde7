#include "pipeline/jobs/replay/recipe_files.h"

#include <filesystem>
#include <set>
#include <stdexcept>

#include "models/hashing/fingerprint.h"
#include "models/model_folder.h"
#include "pipeline/graph/portable_graph.h"

namespace reel::pipeline {
namespace {

namespace fs = std::filesystem;

/// The fingerprint of an installed model; "" if it cannot be opened, which another candidate need not care about.
std::string fingerprint_of(const std::string& folder, const std::string& adapter) {
  try {
    return models::model_fingerprint(models::ModelFolder::open(folder, adapter));
  } catch (const std::exception&) {
    return "";
  }
}

class Locator {
 public:
  Locator(const Recipe& recipe, const ReplaySources& sources, const std::string& place,
          std::vector<std::string>& warnings)
      : recipe_(recipe), sources_(sources), place_(place), warnings_(warnings) {}

  std::string model(const std::string& named, const std::string& adapter) {
    if (!sources_.model.empty()) {
      used_.insert(sources_.model);
      const std::string folder = models::find_model(sources_.model, sources_.models);
      const std::string hash = fingerprint_of(folder, adapter);
      if (!recipe_.model_hash.empty() && hash != recipe_.model_hash)
        warnings_.push_back("the weights of --model '" + sources_.model + "' are not those of the recipe");
      return folder;
    }
    const auto installed = models::list_models(sources_.models);
    const auto same_name = installed.find(last_part(named));
    if (recipe_.model_hash.empty()) {
      if (same_name != installed.end() && named == last_part(named)) return same_name->second;
    } else {
      if (same_name != installed.end() && fingerprint_of(same_name->second, adapter) == recipe_.model_hash)
        return same_name->second;
      for (const auto& [name, folder] : installed) {
        if (fingerprint_of(folder, adapter) == recipe_.model_hash) return folder;
      }
    }
    throw std::runtime_error("[" + printable(place_) + "] needs the model '" + printable(named, 200) + "'" +
                             (recipe_.model_hash.empty() ? "" : " (" + printable(recipe_.model_hash) + ")") +
                             ", which is not among the installed ones; name its folder with --model DIR, or "
                             "the folder that holds it with "
                             "--models-dir");
  }

  /// The motion modules: what the user named, or as file().
  std::string adapter(const std::string& named) {
    if (sources_.motion_adapter.empty()) return file(named, "--motion-adapter", sources_.files);
    used_.insert(sources_.motion_adapter);
    return sources_.motion_adapter;
  }

  /// Refuses what the user named in vain.
  void refuse_unused() const {
    const auto refuse = [&](const std::string& option, const std::string& given, const std::string& uses) {
      throw std::invalid_argument("[" + option + "] '" + given + "' changes nothing: the recipe of '" +
                                  printable(place_, 4096) + "' " + uses + "; leave it out");
    };
    if (!sources_.model.empty() && !used_.contains(sources_.model))
      refuse("--model", sources_.model, "has no model");
    if (!sources_.motion_adapter.empty() && !used_.contains(sources_.motion_adapter))
      refuse("--motion-adapter", sources_.motion_adapter, "has no motion adapter of its own");
    std::string wanted;
    for (const std::string& name : names_) wanted += (wanted.empty() ? "'" : ", '") + printable(name) + "'";
    for (const std::string& path : sources_.files) {
      if (!used_.contains(path))
        refuse("--file", path, wanted.empty() ? "needs no files" : "needs " + wanted + ", each once");
    }
  }

  /// `option`: what names such a file, `given`: what the user named with it.
  std::string file(const std::string& named, const std::string& option,
                   const std::vector<std::string>& given) {
    const std::string name = last_part(named);
    const auto hash = recipe_.files.find(name);
    names_.insert(name);
    for (const std::string& path : given) {
      if (last_part(path) != name) continue;
      used_.insert(path);
      if (hash != recipe_.files.end() && fs::is_regular_file(path) &&
          models::file_fingerprint(path) != hash->second)
        warnings_.push_back("'" + path + "' has another content than the file of the recipe");
      return path;
    }
    std::vector<std::string> folders = sources_.beside;
    for (const std::string& folder : sources_.models)
      folders.push_back(folder), folders.push_back(folder + "/loras");
    for (const std::string& folder : folders) {
      const std::string path = (fs::path(folder) / name).string();
      std::error_code error;
      if (fs::is_directory(path, error) && hash == recipe_.files.end()) return path;
      if (!fs::is_regular_file(path, error)) continue;
      if (hash == recipe_.files.end() || models::file_fingerprint(path) == hash->second) return path;
    }
    throw std::runtime_error("[" + printable(place_) + "] needs the file '" + printable(named, 200) +
                             "', which is not beside it nor in the folders of models; name it with " +
                             option);
  }

 private:
  const Recipe& recipe_;
  const ReplaySources& sources_;
  const std::string& place_;
  std::vector<std::string>& warnings_;
  std::set<std::string> used_,
      names_;  // what the user named and the recipe needs; files that the recipe names
};

}  // namespace

void locate_files(const NodeRegistry& registry, Graph& graph, const Recipe& recipe,
                  const ReplaySources& sources, const std::string& place,
                  std::vector<std::string>& warnings) {
  Locator locator(recipe, sources, place, warnings);
  const auto text_of = [](const Node& node, const std::string& input) {
    const auto given = node.inputs.find(input);
    const auto* text = given == node.inputs.end() ? nullptr : std::get_if<std::string>(&given->second);
    return text ? *text : "";
  };
  for (Node& node : graph.nodes) {
    const NodeSpec& spec = registry.get("node", node.spec);
    for (const Socket& socket : spec.inputs) {
      const std::string named = text_of(node, socket.name);
      if (!socket.file || named.empty()) continue;
      node.inputs[socket.name] = socket.name == "motion_adapter"
                                     ? locator.adapter(named)
                                     : locator.file(named, "--file FILE", sources.files);
    }
    for (const Socket& socket : spec.inputs) {
      if (!socket.place) continue;
      const auto given = text_of(node, socket.name);
      const std::string named =
          given.empty() && socket.default_value ? std::get<std::string>(*socket.default_value) : given;
      node.inputs[socket.name] = locator.model(named, text_of(node, "motion_adapter"));
    }
  }
  locator.refuse_unused();
}

}  // namespace reel::pipeline
