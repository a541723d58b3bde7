// AnimateDiff motion adapters: diffusers folders, and original motion modules (.ckpt or .safetensors).
#pragma once

#include <string>

#include "models/files/checkpoint.h"
#include "models/files/config.h"

namespace reel::models {

/// What the UNet must know about an adapter that was joined to it.
struct MotionAdapterFacts {
  bool present = false;
  Config config;                 // MotionAdapter's config.json, or what an original file's shapes say
  int64_t conv_in_channels = 0;  // of PIA adapters; 0: none
};

/// Adds the tensors of an adapter to those of a UNet, under the names of a merged UNetMotionModel. The input
/// convolution of a PIA adapter goes to `adapter_conv_in`. `adapter`: a folder with config.json, or a single
/// .ckpt or .safetensors file in the original layout (mm_sd_v14, v15, v15_v2, v3_sd15_mm) or in diffusers'
/// layout; empty: nothing happens. Throws: std::runtime_error if it is none of these.
MotionAdapterFacts join_motion_adapter(Checkpoint& unet, const std::string& adapter);

/// Refuses a file that is no adapter, by its headers: says what it is and which option takes it. One that is not
/// there is another matter. Throws: std::runtime_error as join_motion_adapter does.
void check_motion_adapter(const std::string& adapter);

/// The merged name of an original motion-module tensor; "" for repeated position tables; unchanged for other
/// names.
std::string merged_name_of_original(const std::string& name);

}  // namespace reel::models
