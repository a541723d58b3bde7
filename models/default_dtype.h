// Which dtype a network computes in if the user does not choose one.
#pragma once

#include "models/family.h"

namespace reel::models {

/// Whether the processor has units for bf16 products (AVX512-BF16, which AMX implies).
bool processor_has_bf16();

/// f16 on a GPU. On a processor with bf16 units, bf16 for weights that are stored in half precision (f16 or
/// bf16: they are rounded already). Otherwise f32. Reads headers only. Throws: as Checkpoint::open.
at::ScalarType default_dtype(const ComponentFiles& files, at::Device device);

/// The same decision from its facts: whether the weights are stored in half precision, and whether the
/// processor has bf16 units.
at::ScalarType default_dtype(bool stored_in_half, bool bf16_units, at::Device device);

}  // namespace reel::models
