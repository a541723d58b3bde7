// How much more a captioner says yes than no: the margin of the first token of an answer.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "pipeline/captioning/prompt_writer.h"

namespace reel::pipeline {

/// Knows the tokens that read as "yes" and "no" by themselves, in any case and with or without a space before.
class YesOrNo {
 public:
  /// vocabulary: the number of ids that logits are computed for.
  YesOrNo(const PromptWriter& prompts, int64_t vocabulary);

  /// logits [V] f32 on the host of an answer's first token: the largest of yes minus the largest of no. NaN if the
  /// vocabulary lacks one of the words.
  double margin(const at::Tensor& logits) const;

 private:
  std::vector<int64_t> yes_, no_;
};

}  // namespace reel::pipeline
