// What a file of tensors is, told by the names in it: for messages to those who gave it in another one's place.
#pragma once

#include <string>
#include <vector>

namespace reel::models {

enum class FileContents {
  kUnknown,
  kLora,
  kMotionLora,    // all of its layers are in motion modules
  kMotionModule,  // of AnimateDiff: the tensors of motion modules, not changes of them
  kWholeModel,    // a checkpoint of a UNet, alone or with what else a model has
  kEmbedding,     // a textual inversion
  kControlNet,
  kTextEncoder,
  kVae,
};

FileContents contents_of(const std::vector<std::string>& tensor_names);

/// "a motion LoRA", "a whole checkpoint of a model", ...; "a file of other tensors" for kUnknown.
const char* name_of(FileContents contents);

/// How to use such a file, to follow a semicolon: "give it with --motion-adapter".
const char* use_of(FileContents contents);

}  // namespace reel::models
