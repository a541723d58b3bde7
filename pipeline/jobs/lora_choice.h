// How a user names a LoRA.
#pragma once

#include <string>

#include "pipeline/value.h"

namespace reel::pipeline {

/// Reads FILE[:weight]. A colon inside the path is kept unless a number follows the last one; the weight is 1 if
/// none is given.
LoraChoice parse_lora(const std::string& text);

}  // namespace reel::pipeline
