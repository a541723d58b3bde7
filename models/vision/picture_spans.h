// Where pictures stand in a prompt, and their features there.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "attention/call.h"
#include "models/vision_tower.h"

namespace reel::models {

/// The runs of `image_token` in a prompt, one picture after the other: picture i takes as many of its tokens as grids[i]
/// counts. A run that several pictures share is split between them; a picture whose tokens have text between them has
/// several spans. Only a span that holds all of its picture states height and width.
/// Throws: std::invalid_argument if the prompt has more or fewer picture tokens than the grids.
std::vector<ImageSpan> picture_spans(const std::vector<int64_t>& ids, int64_t image_token,
                                     const std::vector<FeatureGrid>& grids);

/// Writes the features [tokens, D] of each picture over the embedded tokens [N, D] of its spans.
void put_features(const at::Tensor& embedded, const std::vector<ImageSpan>& spans,
                  const std::vector<at::Tensor>& features);

}  // namespace reel::models
