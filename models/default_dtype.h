// Which dtype a network is computed in when nobody says.
#pragma once

#include "models/family.h"

namespace reel::models {

/// Whether this machine's processor multiplies bf16 in units of its own (AVX512-BF16, which AMX implies).
bool processor_has_bf16();

/// f16 on a GPU. On a processor with bf16 units, bf16 for weights that are stored in half precision (f16 or
/// bf16: they were rounded already); else f32. Reads headers only. Throws: as Checkpoint::open.
at::ScalarType default_dtype(const ComponentFiles& files, at::Device device);

/// The same for a file whose weights are stored in half precision or not, on a processor with bf16 units or
/// not.
at::ScalarType default_dtype(bool stored_in_half, bool bf16_units, at::Device device);

}  // namespace reel::models
