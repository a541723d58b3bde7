// What a model_index.json says of the components beside it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/files/config.h"

namespace reel::models {

/// The components that a model_index.json lists, in diffusers' form: "vae": ["diffusers", "AutoencoderKL"], with
/// [null, null] for one that is not there. A file without any such entry leaves all to what lies in the folder.
struct ComponentIndex {
  std::map<std::string, std::string> classes;  // name -> class name; long ones are cut
  std::vector<std::string> problems;           // entries of another form, the first few
  bool lists_any = false;

  static ComponentIndex of(const Config& file);
  /// The index of a model folder; lists nothing if it has none.
  static ComponentIndex of_folder(const std::string& folder);

  /// What is wrong with how the index names a component that is needed; empty: nothing. `found`: the classes that
  /// its own configuration in `file` states, one of which must be the index's; empty: any.
  std::string problem_with(const std::string& name, const std::vector<std::string>& found,
                           const std::string& file) const;
};

/// The class names that a component's configuration states: `_class_name`, or `architectures`.
std::vector<std::string> stated_classes(const Config& component);

}  // namespace reel::models
